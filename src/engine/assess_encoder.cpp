#include "engine/assess_encoder.hpp"

#include <utility>

#include "engine/loading.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

EncoderAssessment assess_encoder(const Checkpoint& checkpoint, const ModelOptions& model) {
  EncoderAssessment found;
  found.assessment = checkpoint.assess(model);
  found.inspection = found.assessment->inspection(Use::Features);
  const EncoderConfig& encoder = found.assessment->model().encoder;
  const Verdict verdict = found.inspection.report.verdict;
  const bool grid_known = encoder.grid.patches() > 0;
  found.partial = verdict == Verdict::Incomplete && model.allow_partial && grid_known;
  if (!is_usable(verdict) && !found.partial) {
    throw refusal(found.inspection, "nothing was computed");
  }
  require_known_heads(encoder);
  return found;
}

}  // namespace sapiens
