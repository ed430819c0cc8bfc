#include "engine/model_hints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

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

}  // namespace

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
