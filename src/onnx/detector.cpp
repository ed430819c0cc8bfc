#include "onnx/detector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "onnx/resize_opencv.hpp"
#include "preprocess/preprocess.hpp"

namespace sapiens::onnx {
namespace {

/// What the network sees.
struct DetectorInput {
  Value pixels;      ///< [N, 3, side, side] in the compute type.
  Value scale = {};  ///< F32 [2, 1], as InputFrame's, first of x; empty where it is 1.
  Extent batch = 0;
};

/// What the network says of the points of one level, in float32.
struct LevelMaps {
  Index stride = 0;
  Value logits;     ///< [N, 1, h, w]
  Value distances;  ///< [N, 4, h, w]
};

/// The edges of boxes: [N, 2, P] each, x before y.
struct Edges {
  Value near;  ///< left, top
  Value far;   ///< right, bottom
};

constexpr Index side_of(Index stride) noexcept { return kDetectorSide / stride; }

/// The letterbox of `preprocess/` for images of any size. Sizes are computed in whole numbers, so
/// that they do not depend on the runtime's rounding.
DetectorInput letterboxed(Graph& graph, const Extent& batch) {
  const std::string module = "letterbox";
  const Value images = graph.input("images", Type::U8, {batch, "height", "width", 3});
  const Value size =
      graph.node("Shape", module + "/size", {images}, {{"start", Index{1}}, {"end", Index{3}}});
  const Value longer = graph.reduce("ReduceMax", module, size, {0}, true);
  // floor(640 size / longer + 1/2)
  const Value twice = graph.node("Mul", module, {size, graph.ints({2 * kDetectorSide})});
  const Value dividend = graph.node("Add", module, {twice, longer});
  const Value divisor = graph.node("Mul", module, {longer, graph.ints({2})});
  const Value rounded = graph.node("Div", module, {dividend, divisor});
  const Value target = graph.node("Max", module, {rounded, graph.ints({1})});

  const DetectorConstants constants = detector_constants();
  const Value levels = resize_opencv(graph, module + "/resize", images, size, target);
  const Value side = graph.ints({kDetectorSide, kDetectorSide});
  const Value rest = graph.node("Sub", module + "/rest", {side, target});
  const Value pads =
      graph.node("Concat", module + "/pads", {graph.ints({0, 0, 0, 0, 0}), rest, graph.ints({0})},
                 {{"axis", Index{0}}});
  const Value square = graph.node(
      "Pad", module, {levels, pads, graph.floats({static_cast<float>(constants.grey)}, {})});
  const Value planes = graph.node("Transpose", module + "/planes", {square},
                                  {{"perm", std::vector<Index>{0, 3, 1, 2}}});
  const Value bgr =
      graph.node("Gather", module + "/bgr", {planes, graph.ints({2, 1, 0})}, {{"axis", Index{1}}});
  const auto channels = [&](const std::array<float, 3>& values) {
    return graph.floats({values.begin(), values.end()}, {1, 3, 1, 1});
  };
  const Value centred = graph.node("Sub", module + "/mean", {bgr, channels(constants.mean)});
  const Value normalised = graph.node("Div", module + "/std", {centred, channels(constants.std)});

  const Value scale = graph.node("Div", module + "/scale",
                                 {graph.cast(module + "/target", target, Type::F32),
                                  graph.cast(module + "/size", size, Type::F32)});
  const Value scale_xy =
      graph.node("Gather", module + "/scale", {scale, graph.ints({1, 0})}, {{"axis", Index{0}}});
  return {.pixels = graph.to_compute(module, normalised),
          .scale = graph.node("Unsqueeze", module + "/scale", {scale_xy, graph.ints({1})}),
          .batch = batch};
}

DetectorInput detector_input(Graph& graph, const OnnxOptions& options) {
  const Extent batch = options.batch > 0 ? Extent(options.batch) : Extent("N");
  if (options.with_preprocessing) return letterboxed(graph, batch);
  const Value images = graph.input("images", Type::F32, {batch, 3, kDetectorSide, kDetectorSide});
  return {.pixels = graph.to_compute("images", images), .batch = batch};
}

/// The network of `model/rtmdet.cpp`.
class DetectorNetwork {
 public:
  DetectorNetwork(Graph& graph, const RtmDetConfig& config) : graph_(graph), config_(config) {}

  std::vector<LevelMaps> run(const Value& pixels) {
    const std::array<Value, 3> stages = backbone(pixels);
    const std::array<Value, 3> maps = neck(stages);
    std::vector<LevelMaps> levels;
    for (std::size_t i = 0; i < maps.size(); ++i) levels.push_back(head(maps[i], i));
    return levels;
  }

 private:
  /// Stages 2, 3 and 4.
  std::array<Value, 3> backbone(const Value& pixels) {
    Value x = pixels;
    for (std::size_t i = 0; i < config_.stem.size(); ++i) {
      x = conv(fmt::format("backbone.stem.{}", i), x, 3, i == 0 ? 2 : 1);
    }
    std::array<Value, 4> stages;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const std::string stage = fmt::format("backbone.stage{}", i + 1);
      const bool last = i + 1 == stages.size();
      x = conv(fmt::format("{}.0", stage), x, 3, 2);
      if (last) x = pyramid_pool(fmt::format("{}.1", stage), x);
      const CspKind kind{
          .width = config_.widths[i], .blocks = config_.blocks[i], .add = !last, .attention = true};
      x = stages[i] = csp(fmt::format("{}.{}", stage, last ? 2 : 1), x, kind);
    }
    return {stages[1], stages[2], stages[3]};
  }

  std::array<Value, 3> neck(const std::array<Value, 3>& stages) {
    const Index p3 = config_.widths[1], p4 = config_.widths[2], p5 = config_.widths[3];
    const auto joined = [&](const std::string& module, Index width, const Value& a,
                            const Value& b) {
      return csp(module, concat(module, {a, b}), {.width = width, .blocks = config_.neck_blocks});
    };
    const Value r0 = conv("neck.reduce_layers.0", stages[2], 1);
    const Value t4 = joined("neck.top_down_blocks.0", p4, upsampled(r0), stages[1]);
    const Value r1 = conv("neck.reduce_layers.1", t4, 1);
    const Value o3 = joined("neck.top_down_blocks.1", p3, upsampled(r1), stages[0]);
    const Value o4 =
        joined("neck.bottom_up_blocks.0", p4, conv("neck.downsamples.0", o3, 3, 2), r1);
    const Value o5 =
        joined("neck.bottom_up_blocks.1", p5, conv("neck.downsamples.1", o4, 3, 2), r0);
    return {o3, o4, o5};
  }

  LevelMaps head(const Value& x, std::size_t i) {
    const Value shared = conv(fmt::format("neck.out_convs.{}", i), x, 3);
    const Index stride = kDetectorStrides[i];
    const Value exponents = branch("reg", shared, i);
    const std::string module = fmt::format("bbox_head.rtm_reg.{}/distances", i);
    // In half precision a distance of 600 pixels would be known to half a pixel.
    const Value factor = graph_.floats({static_cast<float>(stride)}, {});
    return {
        .stride = stride,
        .logits = branch("cls", shared, i),
        .distances = graph_.node("Mul", module, {graph_.node("Exp", module, {exponents}), factor})};
  }

  // In float32, as everything behind it.
  Value branch(const char* name, Value x, std::size_t level) {
    for (Index i = 0; i < config_.head_convs; ++i) {
      x = conv(fmt::format("bbox_head.{}_convs.{}.{}", name, level, i), x, 3);
    }
    const std::string module = fmt::format("bbox_head.rtm_{}.{}", name, level);
    return graph_.to_float(module, plain_conv(module, x));
  }

  struct CspKind {
    Index width = 0;  // of its output
    Index blocks = 0;
    bool add = false;        // whether a block adds its input
    bool attention = false;  // whether channels are weighted before the last convolution
  };

  Value csp(const std::string& module, const Value& x, const CspKind& kind) {
    Value main = conv(module + ".main_conv", x, 1);
    for (Index i = 0; i < kind.blocks; ++i) {
      const std::string block = fmt::format("{}.blocks.{}", module, i);
      const Value hidden = conv(block + ".conv1", main, 3);
      const Value depthwise = conv(block + ".conv2.depthwise_conv", hidden, 5, 1, kind.width / 2);
      const Value y = conv(block + ".conv2.pointwise_conv", depthwise, 1);
      main = kind.add ? graph_.node("Add", block, {main, y}) : y;
    }
    Value both = concat(module + "/both", {main, conv(module + ".short_conv", x, 1)});
    if (kind.attention) both = channel_attention(module + ".attention", both);
    return conv(module + ".final_conv", both, 1);
  }

  // A mean over a whole map is more than half precision can add up.
  Value channel_attention(const std::string& module, const Value& x) {
    const Value mean =
        graph_.node("GlobalAveragePool", module, {graph_.to_float(module + "/mean", x)});
    const Value logits = plain_conv(module + ".fc", graph_.to_compute(module + "/mean", mean));
    const Value weights =
        graph_.node("HardSigmoid", module, {logits}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}});
    return graph_.node("Mul", module, {x, weights});
  }

  Value pyramid_pool(const std::string& module, const Value& x) {
    std::vector<Value> pooled{conv(module + ".conv1", x, 1)};
    for (int i = 0; i < 3; ++i) {
      pooled.push_back(graph_.node(
          "MaxPool", module, {pooled.back()},
          {{"kernel_shape", std::vector<Index>{5, 5}}, {"pads", std::vector<Index>{2, 2, 2, 2}}}));
    }
    return conv(module + ".conv2", concat(module, pooled), 1);
  }

  Value upsampled(const Value& x) {
    return graph_.node("Resize", "neck.upsample", {x, "", graph_.floats({1, 1, 2, 2}, {4})},
                       {{"mode", "nearest"},
                        {"coordinate_transformation_mode", "asymmetric"},
                        {"nearest_mode", "floor"}});
  }

  Value concat(const std::string& module, std::vector<Value> maps) {
    return graph_.node("Concat", module, std::move(maps), {{"axis", Index{1}}});
  }

  /// Convolution, batch norm and SiLU.
  Value conv(const std::string& module, const Value& x, Index kernel, Index stride = 1,
             Index groups = 1) {
    const Index pad = kernel / 2;
    const Value y =
        graph_.node("Conv", module + ".conv", {x, graph_.weight(module + ".conv.weight")},
                    {{"kernel_shape", std::vector<Index>{kernel, kernel}},
                     {"strides", std::vector<Index>{stride, stride}},
                     {"pads", std::vector<Index>{pad, pad, pad, pad}},
                     {"group", groups}});
    const std::string bn = module + ".bn";
    const Value normed =
        graph_.node("BatchNormalization", bn,
                    {y, graph_.weight(bn + ".weight"), graph_.weight(bn + ".bias"),
                     graph_.weight(bn + ".running_mean"), graph_.weight(bn + ".running_var")},
                    {{"epsilon", static_cast<float>(kDetectorEpsilon)}});
    return silu(graph_, module, normed);
  }

  /// 1x1, with a bias.
  Value plain_conv(const std::string& module, const Value& x) {
    return graph_.node("Conv", module,
                       {x, graph_.weight(module + ".weight"), graph_.weight(module + ".bias")},
                       {{"kernel_shape", std::vector<Index>{1, 1}}});
  }

  Graph& graph_;
  const RtmDetConfig& config_;
};

/// The points of all levels, P in all: F32 [2, P], x before y.
Value points(Graph& graph) {
  std::vector<float> x, y;
  for (const Index stride : kDetectorStrides) {
    const Index side = side_of(stride);
    for (Index row = 0; row < side; ++row) {
      for (Index column = 0; column < side; ++column) {
        x.push_back(static_cast<float>(column * stride));
        y.push_back(static_cast<float>(row * stride));
      }
    }
  }
  const Index count = std::ssize(x);
  x.insert(x.end(), y.begin(), y.end());
  return graph.floats(x, {2, count});
}

/// [N, `channels`, P] of the maps of all levels.
Value at_points(Graph& graph, const std::string& module, const std::vector<Value>& maps,
                Index channels) {
  std::vector<Value> rows;
  for (const Value& map : maps) {
    rows.push_back(graph.node("Reshape", module, {map, graph.ints({0, channels, -1})}));
  }
  return graph.node("Concat", module, std::move(rows), {{"axis", Index{2}}});
}

std::vector<Value> two_parts(Graph& graph, const std::string& module, const Value& x, Index each) {
  return graph.nodes("Split", module, 2, {x, graph.ints({each, each})}, {{"axis", Index{1}}});
}

// The operator is an approximation in some runtimes, and makes other scores equal than the engine.
Value exact_sigmoid(Graph& graph, const std::string& module, const Value& x) {
  const Value exp = graph.node("Exp", module, {graph.node("Neg", module, {x})});
  return graph.node("Reciprocal", module,
                    {graph.node("Add", module, {exp, graph.floats({1}, {})})});
}

Edges edges_of(Graph& graph, const Value& distances, const Value& scale) {
  const std::vector<Value> sides = two_parts(graph, "boxes/distances", distances, 2);
  const Value from = points(graph);
  const auto clipped = [&](const std::string& module, const Value& edges) {
    const Value inside = graph.node(
        "Clip", module, {edges, graph.floats({0}, {}), graph.floats({float{kDetectorSide}}, {})});
    return scale.empty() ? inside : graph.node("Div", module, {inside, scale});
  };
  return {.near = clipped("boxes/near", graph.node("Sub", "boxes/near", {from, sides[0]})),
          .far = clipped("boxes/far", graph.node("Add", "boxes/far", {from, sides[1]}))};
}

/// The scores of boxes that may be persons, [N, 1, P]; all others have a score of -1.
Value eligible(Graph& graph, const Value& scores, const Edges& edges, float min_score) {
  const std::string module = "scores/eligible";
  const Value extents = graph.node("Sub", module, {edges.far, edges.near});
  const std::vector<Value> has_extent =
      two_parts(graph, module,
                graph.node("Greater", module + "/extent", {extents, graph.floats({0}, {})}), 1);
  const Value has_area = graph.node("And", module + "/area", {has_extent[0], has_extent[1]});
  const Value above =
      graph.node("Greater", module + "/score", {scores, graph.floats({min_score}, {})});
  return graph.node("Where", module,
                    {graph.node("And", module, {has_area, above}), scores, graph.floats({-1}, {})});
}

/// As `tasks/detection.cpp` decodes.
void add_boxes(Graph& graph, const std::vector<LevelMaps>& levels, const Value& scale,
               const DetectOptions& thresholds) {
  std::vector<Value> logits, distances;
  for (const LevelMaps& level : levels) {
    logits.push_back(level.logits);
    distances.push_back(level.distances);
  }
  const Edges edges = edges_of(graph, at_points(graph, "boxes", distances, 4), scale);
  const Value scores =
      eligible(graph, exact_sigmoid(graph, "scores", at_points(graph, "scores", logits, 1)), edges,
               thresholds.min_score);
  const Value corners =
      graph.node("Concat", "boxes/corners", {edges.near, edges.far}, {{"axis", Index{1}}});
  const Value boxes =
      graph.node("Transpose", "boxes", {corners}, {{"perm", std::vector<Index>{0, 2, 1}}});
  // Areas count the pixels of both edges.
  const Value inclusive =
      graph.node("Add", "persons/inclusive", {boxes, graph.floats({0, 0, 1, 1}, {4})});
  // OpenVINO also drops a box that overlaps a better one by exactly the threshold, which at 0 would
  // be every box.
  const float iou = std::max(thresholds.nms_iou, std::numeric_limits<float>::min());
  const Value found =
      graph.node("NonMaxSuppression", "persons",
                 {inclusive, scores, graph.ints({thresholds.max_detections}),
                  graph.floats({iou}, {1}), graph.floats({thresholds.min_score}, {1})});  // [M, 3]
  const auto columns = [&](const Value& which) {
    return graph.node("Gather", "persons", {found, which}, {{"axis", Index{1}}});
  };
  const Value places = columns(graph.ints({0, 2}));
  graph.output("boxes", graph.node("GatherND", "persons/boxes", {boxes, places}), Type::F32,
               {"M", 4});
  graph.output("scores", graph.node("GatherND", "persons/scores", {scores, found}), Type::F32,
               {"M"});
  graph.output("batch_indices", columns(graph.index(0)), Type::I64, {"M"});
}

}  // namespace

void add_detector(Graph& graph, const RtmDetConfig& config, const OnnxOptions& options,
                  const DetectOptions& thresholds) {
  const DetectorInput input = detector_input(graph, options);
  const std::vector<LevelMaps> levels = DetectorNetwork(graph, config).run(input.pixels);
  if (!options.raw_maps) return add_boxes(graph, levels, input.scale, thresholds);
  for (const LevelMaps& level : levels) {
    const Index side = side_of(level.stride);
    graph.output(fmt::format("logits_{}", level.stride), level.logits, Type::F32,
                 {input.batch, 1, side, side});
    graph.output(fmt::format("distances_{}", level.stride), level.distances, Type::F32,
                 {input.batch, 4, side, side});
  }
}

}  // namespace sapiens::onnx
