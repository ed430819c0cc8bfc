#include "engine/model_hints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "engine/encoder_input.hpp"
#include "engine/explain.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

[[noreturn]] void refuse(const char* option, const char* expected, std::string actual) {
  throw Error(ErrorCode::InvalidArgument, {.summary = "this value makes no sense",
                                           .option = option,
                                           .expected = expected,
                                           .actual = std::move(actual)});
}

void check_heads(const char* option, Index heads) {
  if (heads < 0) refuse(option, "a positive number", std::to_string(heads));
}

void check_size(const char* option, const std::optional<Grid>& size, Index smallest,
                const char* expected) {
  constexpr Index kMaxSide = 1 << 14;  // pixels; 16384 x 16384 already makes a million tokens
  if (!size) return;
  const auto [height, width] = *size;
  if (std::min(height, width) < smallest || std::max(height, width) > kMaxSide) {
    refuse(option, expected, fmt::format("{}x{}", height, width));
  }
}

void expect_family(const EncoderConfig& encoder, const Arch* arch) {
  if (arch == nullptr || arch->family == encoder.family) return;
  const bool sapiens2 = encoder.family == Family::Sapiens2;
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = fmt::format("this file holds an encoder of {}, and the size is one of {}",
                              sapiens2 ? "Sapiens2" : "Sapiens", sapiens2 ? "Sapiens" : "Sapiens2"),
       .option = "arch",
       .expected = sapiens2 ? "a size of Sapiens2 (sapiens2_0.4b), or none"
                            : "a size of Sapiens (0.3b), or none",
       .actual = arch_option(*arch),
       .hint = "leave `arch` out: the size is recognised from the weights"});
}

[[noreturn]] void refuse_for_sapiens2(const char* option, const std::string& reason,
                                      std::string expected, std::string actual) {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this option does not apply to an encoder of Sapiens2: " + reason,
               .option = option,
               .expected = std::move(expected),
               .actual = std::move(actual)});
}

void expect_hints_for_sapiens2(const EncoderConfig& encoder, const ModelHints& hints) {
  if (hints.task && *hints.task != Task::Pretrain) {
    refuse_for_sapiens2("task", std::string(kNoSapiens2Heads), "pretrain, or none",
                        std::string(task_name(*hints.task)));
  }
  if (hints.heads > 0 && hints.heads != encoder.heads) {
    refuse_for_sapiens2("heads", "the length of q_norm tells the number of heads",
                        fmt::format("{}, or none", encoder.heads), std::to_string(hints.heads));
  }
  if (hints.decoder_heads > 0) {
    refuse_for_sapiens2("decoder_heads", "it has no decoder", "none",
                        std::to_string(hints.decoder_heads));
  }
  if (hints.grid) {
    refuse_for_sapiens2("grid", "it has no table of positions", "none",
                        fmt::format("{}x{}", hints.grid->height, hints.grid->width));
  }
  if (hints.patch_padding.value_or(0) != 0) {
    refuse_for_sapiens2("patch_padding", "its patches have none", "0, or none",
                        std::to_string(*hints.patch_padding));
  }
  if (hints.input_size) expect_complete_patches(*hints.input_size);
}

}  // namespace

void expect_hints_for(const DetectedModel& model, const ModelHints& hints) {
  const EncoderConfig& encoder = model.encoder;
  expect_family(encoder, hints.arch);
  if (encoder.family == Family::Sapiens2) return expect_hints_for_sapiens2(encoder, hints);
  if (encoder.heads == 0 || encoder.width % encoder.heads == 0) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the number of heads does not divide the width",
               .option = "heads",
               .expected = fmt::format("a divisor of {}", encoder.width),
               .actual = std::to_string(encoder.heads)});
}

ModelHints hints_of(const ModelOptions& options) {
  ModelHints hints{.arch = options.arch.empty() ? nullptr : &parse_arch(options.arch),
                   .task = options.task,
                   .heads = options.heads,
                   .decoder_heads = options.decoder_heads,
                   .grid = options.grid,
                   .input_size = options.input_size,
                   .patch_padding = options.patch_padding};
  check_heads("heads", options.heads);
  check_heads("decoder_heads", options.decoder_heads);
  check_size("grid", options.grid, 1, "HxW, for example 64x48");
  check_size("input_size", options.input_size, kPatch,
             "HxW from 16 to 16384 pixels, for example 1024x768");
  if (options.patch_padding && *options.patch_padding != 0 && *options.patch_padding != 2) {
    refuse("patch_padding", "0 or 2", std::to_string(*options.patch_padding));
  }
  return hints;
}

}  // namespace sapiens
