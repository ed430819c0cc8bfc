#include "model/config.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

#include "model/task_table.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using enum Family;
constexpr std::string_view kTiny = "tiny";
constexpr Arch kArchs[] = {
    {Sapiens, "0.3b", 1024, 24, 16, 4096, {64, 64}},
    {Sapiens, "0.6b", 1280, 32, 16, 5120, {64, 64}},
    {Sapiens, "1b", 1536, 40, 24, 6144, {64, 64}},
    {Sapiens, "2b", 1920, 48, 32, 7680, {64, 64}},
    {Sapiens2, "0.1b", 768, 12, 12, 3072, {64, 48}},
    {Sapiens2, "0.4b", 1024, 24, 16, 4096, {64, 48}},
    {Sapiens2, "0.8b", 1280, 32, 16, 5120, {64, 48}},
    {Sapiens2, "1b", 1536, 40, 24, 6144, {64, 48}},
    {Sapiens2, "5b", 2432, 56, 32, 9728, {64, 48}},
    {Sapiens, kTiny, 48, 3, 4, 192, {8, 8}},
    {Sapiens2, kTiny, 48, 18, 4, 192, {8, 6}},
};
constexpr std::string_view kSapiens2Prefix = "sapiens2_";

}  // namespace

std::string_view family_name(Family family) noexcept {
  if (family == Family::Detector) return "rtmdet";
  return family == Family::Sapiens ? "sapiens" : "sapiens2";
}

Index Arch::kv_heads(Index i) const noexcept {
  constexpr Index kFullBlocks = 8;
  const bool full = i < kFullBlocks || i >= depth - kFullBlocks;
  return family == Family::Sapiens || full ? heads : heads / 2;
}

std::span<const Arch> known_archs() noexcept { return kArchs; }

bool is_published(const Arch& arch) noexcept { return arch.name != kTiny; }

const Arch& tiny_arch(Family family) noexcept {
  return *std::ranges::find_if(
      kArchs, [&](const Arch& arch) { return arch.family == family && !is_published(arch); });
}

const Arch* find_arch_by_width(Family family, Index width) noexcept {
  const auto* const found = std::ranges::find_if(kArchs, [&](const Arch& arch) {
    return arch.family == family && arch.width == width && is_published(arch);
  });
  return found == std::end(kArchs) ? nullptr : found;
}

std::string arch_option(const Arch& arch) {
  return std::string(arch.family == Family::Sapiens ? "" : kSapiens2Prefix) +
         std::string(arch.name);
}

const Arch& parse_arch(std::string_view name) {
  std::string plain(name);
  std::ranges::transform(plain, plain.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (plain.starts_with("sapiens_")) plain.erase(0, 8);
  std::string names;
  for (const Arch& arch : kArchs) {
    const std::string option = arch_option(arch);
    if (plain == option) return arch;
    names += (names.empty() ? "" : ", ") + option;
  }
  throw Error(ErrorCode::InvalidArgument, {.summary = "unknown model size",
                                           .option = "arch",
                                           .expected = names,
                                           .actual = std::string(name)});
}

EncoderConfig published_encoder(const Arch& arch) {
  EncoderConfig config{.family = arch.family,
                       .width = arch.width,
                       .depth = arch.depth,
                       .heads = arch.heads,
                       .mlp_width = arch.mlp_width,
                       .cls_token = true,
                       .grid = arch.grid,
                       .registers = kPublishedRegisters};
  for (Index i = 0; i < arch.depth; ++i) config.kv_heads.push_back(arch.kv_heads(i));
  return config;
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

HeadLayers layers_of(const HeadConfig& head) noexcept {
  return {static_cast<Index>(head.deconvs.size()), static_cast<Index>(head.convs.size())};
}

}  // namespace sapiens
