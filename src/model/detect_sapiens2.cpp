#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/detect.hpp"
#include "model/shape_vote.hpp"

namespace sapiens {
namespace {

constexpr Index kRotaryStep = 4;  // a head is two axes of pairs
constexpr Index kPublishedHeadDim = 64;
constexpr Grid kPublishedGrid{64, 48};

// What the tensors say; 0 where they say nothing.
struct FoundSizes {
  Index width = 0;
  Index depth = 0;
  Index head_dim = 0;
  Index mlp_width = 0;
};

FoundSizes find_sizes(const OfferedShapes& offered) {
  FoundSizes found{.depth = offered.count_blocks()};
  ShapeVote width, head_dim, mlp_width;
  width.add(offered, "backbone.patch_embed.projection.bias", 0);
  width.add(offered, "backbone.ln1.weight", 0);
  for (Index i = 0; i < found.depth; ++i) {
    const std::string block = fmt::format("backbone.blocks.{}", i);
    width.add(offered, block + ".ln1.weight", 0);
    width.add(offered, block + ".attn.proj.bias", 0);
    width.add(offered, block + ".ffn.w3.bias", 0);
    head_dim.add(offered, block + ".attn.q_norm.weight", 0);
    head_dim.add(offered, block + ".attn.k_norm.weight", 0);
    mlp_width.add(offered, block + ".ffn.w3.weight", 1);
    mlp_width.add(offered, block + ".ffn.w12.weight", 0, 2);
    mlp_width.add(offered, block + ".ffn.w12.bias", 0, 2);
  }
  found.width = width.winner();
  found.head_dim = head_dim.winner();
  found.mlp_width = mlp_width.winner();
  return found;
}

bool is_head_dim(Index head_dim, Index width) {
  return head_dim > 0 && head_dim % kRotaryStep == 0 && width % head_dim == 0;
}

// The published size of this width, unless the file has more blocks or other heads and layers: then
// it is a model of its own.
const Arch* published_size(const FoundSizes& found) {
  const Arch* const arch = find_arch_by_width(Family::Sapiens2, found.width);
  if (arch == nullptr || found.depth > arch->depth) return nullptr;
  const bool other_heads =
      is_head_dim(found.head_dim, found.width) && found.head_dim * arch->heads != arch->width;
  const bool other_layers = found.mlp_width > 0 && found.mlp_width != arch->mlp_width;
  return other_heads || other_layers ? nullptr : arch;
}

// A size that the network can compute. Where the tensors name none, it is another than theirs, so
// that reconciling names those that do not fit.
Arch computable(const FoundSizes& found) {
  Arch sizes{
      .family = Family::Sapiens2,
      .name = "custom",
      .width = std::max((found.width + kRotaryStep - 1) / kRotaryStep, Index{1}) * kRotaryStep,
      .depth = found.depth,
      .heads = 0,
      .mlp_width = found.mlp_width,
      .grid = kPublishedGrid};
  Index head_dim = found.head_dim > 0 ? found.head_dim : kPublishedHeadDim;
  head_dim = std::max(head_dim / kRotaryStep * kRotaryStep, kRotaryStep);
  while (!is_head_dim(head_dim, sizes.width)) head_dim -= kRotaryStep;
  sizes.heads = sizes.width / head_dim;
  if (sizes.mlp_width == 0) sizes.mlp_width = 4 * sizes.width;
  return sizes;
}

// Heads of the keys or values, `layer`; 0 where the rows are not those of heads that divide
// `heads`.
Index heads_in(const OfferedShapes& offered, const std::string& layer, const Arch& sizes) {
  const auto shape = offered.find(layer + ".weight");
  if (!shape || shape->empty()) return 0;
  const Index rows = shape->front(), head_dim = sizes.width / sizes.heads;
  if (rows <= 0 || rows % head_dim != 0) return 0;
  return sizes.heads % (rows / head_dim) == 0 ? rows / head_dim : 0;
}

// Keys and values must agree. Where they do not, the published rule decides, so that the damaged
// tensor is named.
Index kv_heads_of(const OfferedShapes& offered, Index block, const Arch& sizes) {
  const std::string attention = fmt::format("backbone.blocks.{}.attn", block);
  const Index keys = heads_in(offered, attention + ".wk", sizes);
  const Index values = heads_in(offered, attention + ".wv", sizes);
  Index published = sizes.kv_heads(block);
  if (published == 0 || sizes.heads % published != 0) published = sizes.heads;
  if (keys == values) return keys > 0 ? keys : published;
  if (keys == published || values == published) return published;
  return keys > 0 ? keys : values;
}

Index registers_in(const OfferedShapes& offered) {
  const auto shape = offered.find("backbone.storage_tokens");
  const bool plausible = shape && shape->size() == 3 && (*shape)[1] > 0 && (*shape)[1] <= kMaxWidth;
  return plausible ? (*shape)[1] : kPublishedRegisters;
}

// Its names are not known; those of a classifier are timm's.
std::string_view find_unsupported_head(const OfferedShapes& offered) {
  constexpr std::array<std::string_view, 2> kClassifier = {"head.weight", "head.bias"};
  if (offered.has_part("decode_head.")) return "decode_head";
  return offered.has_part("head.", kClassifier) ? "head" : "";
}

}  // namespace

DetectedModel detect_sapiens2(const OfferedShapes& offered, const ModelHints& options) {
  const FoundSizes found = find_sizes(offered);
  DetectedModel model;
  model.found_width = found.width;
  model.found_depth = found.depth;
  model.file_task = Task::Pretrain;
  model.task = options.task.value_or(Task::Pretrain);
  model.unsupported_head = find_unsupported_head(offered);
  const bool asked = options.arch != nullptr && options.arch->family == Family::Sapiens2;
  model.arch = asked ? options.arch : published_size(found);
  const Arch sizes = model.arch != nullptr ? *model.arch : computable(found);

  EncoderConfig& encoder = model.encoder;
  encoder.family = Family::Sapiens2;
  encoder.width = sizes.width;
  encoder.depth = sizes.depth;
  encoder.heads = sizes.heads;
  encoder.mlp_width = sizes.mlp_width;
  encoder.cls_token = true;
  encoder.registers = registers_in(offered);
  for (Index i = 0; i < encoder.depth; ++i) {
    encoder.kv_heads.push_back(asked ? sizes.kv_heads(i) : kv_heads_of(offered, i, sizes));
  }
  encoder.grid = options.input_size ? patch_grid(*options.input_size, 0)
                                    : recorded_grid(offered.dict()).value_or(kPublishedGrid);
  model.positions.model_extra = encoder.extra_tokens();
  model.positions.target = encoder.grid;
  return model;
}

}  // namespace sapiens
