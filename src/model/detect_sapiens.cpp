#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "model/detect.hpp"
#include "model/params.hpp"
#include "model/shape_vote.hpp"
#include "model/task_table.hpp"

namespace sapiens {
namespace {

using Shape = std::vector<Index>;

Index vote_width(const OfferedShapes& offered, Index depth) {
  ShapeVote vote;
  vote.add(offered, "backbone.pos_embed", 2);
  vote.add(offered, "backbone.patch_embed.projection.bias", 0);
  vote.add(offered, "backbone.ln1.weight", 0);
  for (Index i = 0; i < depth; ++i) {
    const std::string block = fmt::format("backbone.layers.{}", i);
    vote.add(offered, block + ".ln1.weight", 0);
    vote.add(offered, block + ".attn.proj.bias", 0);
    vote.add(offered, block + ".ffn.layers.1.bias", 0);
  }
  return vote.winner();
}

Index vote_mlp_width(const OfferedShapes& offered, Index depth) {
  ShapeVote vote;
  for (Index i = 0; i < depth; ++i) {
    const std::string block = fmt::format("backbone.layers.{}", i);
    vote.add(offered, block + ".ffn.layers.0.0.bias", 0);
    vote.add(offered, block + ".ffn.layers.0.0.weight", 0);
    vote.add(offered, block + ".ffn.layers.1.weight", 1);
  }
  return vote.winner();
}

std::optional<Grid> square_grid(Index patches) {
  const auto side = static_cast<Index>(std::llround(std::sqrt(static_cast<double>(patches))));
  // A division, as the square of a rounded root may leave 63 bits.
  if (patches > 0 && patches % side == 0 && patches / side == side) return Grid{side, side};
  return std::nullopt;
}

// Square first; then 4:3, the shape of every fine-tuned model (64x48).
std::optional<Grid> guess_grid(Index patches) {
  if (const auto square = square_grid(patches)) return square;
  if (patches > 0 && patches % 12 == 0) {
    if (const auto unit = square_grid(patches / 12))
      return Grid{4 * unit->height, 3 * unit->height};
  }
  return std::nullopt;
}

Index recorded_heads(const StateDict& dict, std::string_view name) {
  Index heads = 0;
  if (const auto text = recorded(dict, name)) {
    std::from_chars(text->data(), text->data() + text->size(), heads);
  }
  return std::clamp(heads, Index{0}, kMaxWidth);
}

std::optional<Task> recorded_task(const StateDict& dict) {
  const std::optional<std::string> name = recorded(dict, "sapiens.task");
  for (const TaskInfo& info : head_tasks()) {
    if (name && *name == task_name(info.task)) return info.task;
  }
  return std::nullopt;
}

// `least` layers, also where the file has fewer.
std::vector<ConvShape> chain(const OfferedShapes& offered, const std::string& prefix,
                             const std::vector<ConvShape>& published, Index least, Index& in,
                             bool transposed) {
  constexpr Index kStep = 3;  // convolution, norm, activation
  const Index found = (offered.count_numbered(prefix) + kStep - 1) / kStep;
  const Index n = std::max(found, least);
  std::vector<ConvShape> convs;
  for (Index i = 0; i < n; ++i) {
    const ConvShape& usual =
        published[static_cast<std::size_t>(std::min(i, static_cast<Index>(published.size()) - 1))];
    const std::optional<Shape> shape = offered.find(fmt::format("{}{}.weight", prefix, kStep * i));
    const bool readable = shape && shape->size() == 4;
    ConvShape conv{.in = in, .out = usual.out, .kernel = usual.kernel};
    if (readable) {
      conv.out = (*shape)[transposed ? 1 : 0];
      conv.kernel = (*shape)[2];
    } else if (!convs.empty()) {
      conv.out = convs.back().out;
    }
    convs.push_back(conv);
    in = conv.out;
  }
  return convs;
}

HeadConfig detect_head(const OfferedShapes& offered, Task task, Index width) {
  const std::string prefix(head_prefix(task));
  const HeadConfig published = published_head(task, width);
  const HeadLayers layers = recorded_head_layers(offered.dict()).value_or(layers_of(published));
  HeadConfig head{.task = task, .deconvs = {}, .convs = {}, .final_in = 0, .outputs = kAny};
  Index channels = width;
  head.deconvs =
      chain(offered, prefix + "deconv_layers.", published.deconvs, layers.deconvs, channels, true);
  head.convs =
      chain(offered, prefix + "conv_layers.", published.convs, layers.convs, channels, false);
  head.final_in = channels;
  const std::string final_layer = prefix + std::string(head_final_layer(task));
  for (const char* leaf : {".bias", ".weight"}) {
    const std::optional<Shape> shape = offered.find(final_layer + leaf);
    if (head.outputs == kAny && shape && !shape->empty()) head.outputs = (*shape)[0];
  }
  // A layer without outputs has the wrong shape, whatever the task.
  if (head.outputs == 0) head.outputs = published.outputs;
  return head;
}

// Whether the file's head has as many outputs as published for `task`, or a layer that only the
// heads for `task` have.
bool is_head_for(Task task, Index outputs, Index deconvs) {
  constexpr int kUsualDeconvs = 3, kStep = 3;  // convolution, norm, activation
  const TaskRow& row = task_row(task);
  if (!row.outputs.empty()) return false;  // any number of them
  const bool is_deeper = row.head.deconvs > kUsualDeconvs;
  return outputs == row.head.outputs || (is_deeper && deconvs > kStep * (row.head.deconvs - 1));
}

// Pose heads have their own prefix; the dense heads differ in the number of layers and outputs.
std::optional<Task> detect_dense_task(const OfferedShapes& offered) {
  const std::optional<Shape> final_layer = offered.find("decode_head.conv_seg.weight");
  const Index deconvs = offered.count_numbered("decode_head.deconv_layers.");
  if (!final_layer && deconvs == 0) return std::nullopt;
  const Index outputs = final_layer && !final_layer->empty() ? (*final_layer)[0] : 0;
  for (const TaskInfo& info : head_tasks()) {
    if (is_head_for(info.task, outputs, deconvs)) return info.task;
  }
  return Task::Seg;
}

bool has_pose_head(const OfferedShapes& offered) {
  return offered.count_numbered("head.deconv_layers.") > 0 ||
         offered.has("head.final_layer.weight");
}

std::optional<DecoderConfig> detect_decoder(const OfferedShapes& offered,
                                            const ModelHints& options) {
  DecoderConfig decoder;
  const Index depth = offered.count_numbered("neck.decoder_blocks.");
  if (depth == 0 && !offered.has("neck.mask_token")) return std::nullopt;
  ShapeVote width;
  ShapeVote mlp_width;
  width.add(offered, "neck.mask_token", 2);
  width.add(offered, "neck.decoder_embed.bias", 0);
  width.add(offered, "neck.ln1.weight", 0);
  mlp_width.add(offered, "neck.decoder_blocks.0.ffn.layers.0.0.bias", 0);
  if (width.winner() > 0) decoder.width = width.winner();
  if (mlp_width.winner() > 0) decoder.mlp_width = mlp_width.winner();
  // The published decoder has 8 blocks; one of another width may have any number.
  const bool published = decoder.width == DecoderConfig{}.width;
  decoder.depth = published ? std::max(depth, decoder.depth) : depth;
  if (!published) decoder.heads = recorded_heads(offered.dict(), "sapiens.decoder_heads");
  if (options.decoder_heads > 0) decoder.heads = options.decoder_heads;
  const std::optional<Shape> positions = offered.find("neck.decoder_pos_embed");
  if (positions && positions->size() == 3) decoder.tokens = (*positions)[1];
  return decoder;
}

void detect_size(const OfferedShapes& offered, const ModelHints& options, DetectedModel& model) {
  model.found_depth = offered.count_blocks();
  model.found_width = vote_width(offered, model.found_depth);
  model.arch = find_arch_by_width(Family::Sapiens, model.found_width);
  if (options.arch != nullptr && options.arch->family == Family::Sapiens) model.arch = options.arch;
  // More blocks than the published model of this width: a custom model.
  if (model.arch != nullptr && model.arch != options.arch && model.found_depth > model.arch->depth)
    model.arch = nullptr;

  EncoderConfig& encoder = model.encoder;
  if (model.arch != nullptr) {
    encoder.width = model.arch->width;
    encoder.depth = model.arch->depth;
    encoder.heads = model.arch->heads;
    encoder.mlp_width = model.arch->mlp_width;
  } else {
    encoder.width = model.found_width;
    encoder.depth = model.found_depth;
    encoder.heads = recorded_heads(offered.dict(), "sapiens.heads");
    encoder.mlp_width = vote_mlp_width(offered, model.found_depth);
  }
  if (options.heads > 0) encoder.heads = options.heads;
}

// Which grid the file's position table has, and whether a class token stands in front of it.
void detect_positions(const OfferedShapes& offered, const ModelHints& options,
                      DetectedModel& model) {
  const std::optional<Shape> table = offered.find("backbone.pos_embed");
  const Index length = table && table->size() == 3 ? (*table)[1] : 0;
  PositionPlan& positions = model.positions;
  // 4097 positions without a class token in the file: the token is missing, not the model another.
  const bool cls_row =
      offered.has("backbone.cls_token") || (!guess_grid(length) && square_grid(length - 1));
  positions.file_extra = cls_row ? 1 : 0;

  positions.source = options.grid;
  if (!positions.source) {
    positions.source = recorded_grid(offered.dict());
    if (positions.source && positions.source->patches() != length - positions.file_extra)
      positions.source.reset();
  }
  if (!positions.source) positions.source = guess_grid(length - positions.file_extra);
}

Grid published_grid(const Arch* arch, bool cls_token) {
  if (arch == nullptr) return {0, 0};
  return cls_token ? arch->grid : Grid{arch->grid.height, arch->grid.width * 3 / 4};
}

// The grid the model runs with: the input's, the file's, or 4:3 of a pretraining grid for a
// fine-tuning task.
Grid target_grid(const ModelHints& options, const DetectedModel& model) {
  const EncoderConfig& encoder = model.encoder;
  if (options.input_size) return patch_grid(*options.input_size, encoder.patch_padding);
  if (!model.positions.source) return published_grid(model.arch, encoder.cls_token);
  const Grid source = *model.positions.source;
  const bool into_task = model.file_task == Task::Pretrain && !encoder.cls_token;
  if (into_task && source.height == source.width && source.width % 4 == 0) {
    return {source.height, source.width * 3 / 4};
  }
  return source;
}

}  // namespace

DetectedModel detect_sapiens(const OfferedShapes& offered, const ModelHints& options) {
  DetectedModel model;
  detect_size(offered, options, model);
  detect_positions(offered, options, model);
  model.decoder = detect_decoder(offered, options);

  // Of two heads on one encoder the one for the task that was asked for, else that for pose.
  const std::optional<Task> dense_task = detect_dense_task(offered);
  const bool pose_head = has_pose_head(offered);
  const bool dense_wanted = options.task && has_head(*options.task) && options.task != Task::Pose;
  const bool pose = pose_head && !(dense_task && dense_wanted);
  const std::optional<Task> head_task = pose ? Task::Pose : dense_task;
  if (pose_head && dense_task) model.other_head = pose ? *dense_task : Task::Pose;
  model.file_task = head_task                         ? *head_task
                    : model.positions.file_extra == 1 ? Task::Pretrain
                                                      : Task::Backbone;
  // A head with three outputs may also be a custom segmentation; the user decides, else the file.
  const std::optional<Task> said = options.task ? options.task : recorded_task(offered.dict());
  if (head_task && said && task_row(*said).looks_like == head_task) model.file_task = *said;
  model.task = options.task.value_or(model.file_task);
  if (has_head(model.file_task))
    model.head = detect_head(offered, model.file_task, model.encoder.width);

  EncoderConfig& encoder = model.encoder;
  encoder.cls_token = model.task == Task::Pretrain;
  const bool own_head = model.head && model.head->task == model.task;
  encoder.patch_padding = options.patch_padding.value_or(
      default_patch_padding(model.task, own_head ? model.head->outputs : 0));
  encoder.grid = target_grid(options, model);
  model.positions.model_extra = encoder.extra_tokens();
  model.positions.target = encoder.grid;
  return model;
}

}  // namespace sapiens
