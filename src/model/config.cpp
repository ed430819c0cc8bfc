#include "model/config.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "model/task_table.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr Arch kArchs[] = {
    {.name = "0.3b", .width = 1024, .depth = 24, .heads = 16, .mlp_width = 4096, .grid = 64},
    {.name = "0.6b", .width = 1280, .depth = 32, .heads = 16, .mlp_width = 5120, .grid = 64},
    {.name = "1b", .width = 1536, .depth = 40, .heads = 24, .mlp_width = 6144, .grid = 64},
    {.name = "2b", .width = 1920, .depth = 48, .heads = 32, .mlp_width = 7680, .grid = 64},
};
constexpr Arch kTiny{
    .name = "tiny", .width = 48, .depth = 3, .heads = 4, .mlp_width = 192, .grid = 8};

}  // namespace

const Arch& tiny_arch() noexcept { return kTiny; }

const Arch* find_arch_by_width(Index width) noexcept {
  const auto found = std::ranges::find(kArchs, width, &Arch::width);
  return found == std::end(kArchs) ? nullptr : &*found;
}

const Arch& parse_arch(std::string_view name) {
  std::string plain(name);
  std::ranges::transform(plain, plain.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (plain.starts_with("sapiens_")) plain.erase(0, 8);
  if (plain == kTiny.name) return kTiny;
  const auto found = std::ranges::find(kArchs, std::string_view(plain), &Arch::name);
  if (found != std::end(kArchs)) return *found;
  throw Error(ErrorCode::InvalidArgument, {.summary = "unknown model size",
                                           .option = "arch",
                                           .expected = "0.3b, 0.6b, 1b, 2b or tiny",
                                           .actual = std::string(name)});
}

Grid patch_grid(Grid size, Index padding) noexcept {
  const auto patches = [padding](Index pixels) {
    return padding == 0 ? (pixels + kPatch - 1) / kPatch
                        : (pixels + 2 * padding - kPatch) / kPatch + 1;
  };
  return {patches(size.height), patches(size.width)};
}

Index default_patch_padding(Task task, Index outputs) noexcept {
  constexpr Index kLipClasses = 20;  // lip and cihp
  return task == Task::Seg && outputs == kLipClasses ? 2 : task_row(task).patch_padding;
}

HeadConfig published_head(Task task, Index width) {
  const HeadShape& shape = task_row(task).head;
  // Narrower than the published heads only on an encoder that is itself narrower (tiny).
  const Index channels = std::min(shape.channels, width);
  HeadConfig head{
      .task = task, .deconvs = {}, .convs = {}, .final_in = channels, .outputs = shape.outputs};
  Index in = width;
  for (int i = 0; i < shape.deconvs; ++i) {
    head.deconvs.push_back({.in = in, .out = channels, .kernel = 4});
    in = channels;
  }
  for (int i = 0; i < shape.convs; ++i)
    head.convs.push_back({.in = in, .out = channels, .kernel = 1});
  return head;
}

}  // namespace sapiens
