#include "engine/assess_reconstruction.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "engine/loading.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

Error misuse(const char* summary, const char* option, std::string expected, std::string actual) {
  return Error(ErrorCode::InvalidArgument, {.summary = summary,
                                            .option = option,
                                            .expected = std::move(expected),
                                            .actual = std::move(actual)});
}

ModelOptions as_pretrained(ModelOptions options) {
  if (options.task.value_or(Task::Pretrain) != Task::Pretrain) {
    throw misuse("only a pretrained model reconstructs images", "task",
                 std::string(task_name(Task::Pretrain)), std::string(task_name(*options.task)));
  }
  if (options.patch_padding.value_or(0) != 0) {
    throw misuse("patches with padding are not those that the decoder predicts", "patch_padding",
                 "0", std::to_string(*options.patch_padding));
  }
  options.task = Task::Pretrain;
  return options;
}

std::string text_of(Grid grid) { return fmt::format("{}x{}", grid.height, grid.width); }

// The positions of the decoder are a table for one grid, as are those of the original's masked
// pass.
void expect_one_grid(const DetectedModel& model, std::optional<Grid> size, const FileInfo& file) {
  const EncoderConfig& encoder = model.encoder;
  const Grid own = encoder.grid;
  const Grid asked = size ? patch_grid(*size, encoder.patch_padding) : own;
  if (asked != own) {
    throw misuse("the decoder knows one input size alone", "input_size",
                 text_of({own.height * kPatch, own.width * kPatch}),
                 text_of({asked.height * kPatch, asked.width * kPatch}));
  }
  const Index tokens = model.decoder->tokens;
  if (tokens == encoder.tokens()) return;
  throw Error(
      ErrorCode::CheckpointRefused,
      {.summary = "encoder and decoder are for different numbers of patches, so nothing was "
                  "computed",
       .file = file.path,
       .key = "neck.decoder_pos_embed",
       .expected = fmt::format("{} positions, as in backbone.pos_embed", encoder.tokens()),
       .actual = std::to_string(tokens)});
}

void expect_usable(const DetectedModel& model, std::optional<Grid> size,
                   const Inspection& inspection) {
  if (!is_usable(inspection.report.verdict)) throw refusal(inspection, "nothing was computed");
  const DecoderConfig& decoder = *model.decoder;
  expect_one_grid(model, size, inspection.file);
  require_known_heads(model.encoder);
  require_known_heads(decoder);
  if (decoder.width % decoder.heads != 0) {
    throw misuse("the number of heads does not divide the width of the decoder", "decoder_heads",
                 fmt::format("a divisor of {}", decoder.width), std::to_string(decoder.heads));
  }
}

}  // namespace

ReconstructionAssessment assess_for_reconstruction(const Checkpoint& checkpoint,
                                                   const ModelOptions& model) {
  std::shared_ptr<const Assessment> assessment = checkpoint.assess(as_pretrained(model));
  Inspection inspection = assessment->inspection(Use::Reconstruct);
  expect_usable(assessment->model(Use::Reconstruct), model.input_size, inspection);
  return {.assessment = std::move(assessment), .inspection = std::move(inspection)};
}

}  // namespace sapiens
