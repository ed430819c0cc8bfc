#include "engine/assess_as.hpp"

#include <string>
#include <utility>

#include "engine/assess_encoder.hpp"
#include "engine/assess_reconstruction.hpp"
#include "engine/expected_task.hpp"
#include "engine/loading.hpp"
#include "model/head.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// As TaskModel does.
AssessedModel assess_task(const Checkpoint& checkpoint, const ModelOptions& options) {
  TaskAssessment found = assess_for_task(checkpoint, options);
  expect_head(found);
  const DetectedModel& model = found.assessment->model();
  expect_known_kernels(*model.head);
  require_known_heads(model.encoder);
  return {.assessment = std::move(found.assessment),
          .use = found.use,
          .inspection = std::move(found.inspection)};
}

}  // namespace

AssessedModel assess_as(std::optional<Use> use, const Checkpoint& checkpoint,
                        ModelOptions options) {
  if (use == Use::Reconstruct) {
    ReconstructionAssessment found = assess_for_reconstruction(checkpoint, options);
    return {.assessment = std::move(found.assessment),
            .use = Use::Reconstruct,
            .inspection = std::move(found.inspection)};
  }
  if (!use) {
    const std::shared_ptr<const Assessment> found = checkpoint.assess(options);
    const Verdict verdict = found->inspection().report.verdict;
    // A head with a gap is refused: the encoder alone is another model than the file holds.
    const bool recognised = is_usable(verdict) || verdict == Verdict::Incomplete;
    if (recognised) use = use_of(found->model().task);
  }
  if (use.value_or(Use::Features) == Use::Features) {
    EncoderAssessment found = assess_encoder(checkpoint, options);
    return {.assessment = std::move(found.assessment),
            .inspection = std::move(found.inspection),
            .partial = found.partial};
  }
  for (const TaskInfo& info : head_tasks()) {
    if (use_of(info.task) != *use) continue;
    options.expected_task = info.task;
    return assess_task(checkpoint, options);
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "a person detector is no model whose tensors are read",
               .option = "use",
               .actual = std::string(use_name(*use))});
}

}  // namespace sapiens
