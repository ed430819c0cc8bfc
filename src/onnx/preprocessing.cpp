#include "onnx/preprocessing.hpp"

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/resize_opencv.hpp"
#include "preprocess/preprocess.hpp"

// What the graph computes are the levels of Pillow, by products with matrices of weights that
// follow from the images' size, and those of OpenCV, of pairs of pixels. Resize would not do:
// runtimes ignore its antialiasing or implement it in their own ways, and none rounds between the
// two axes.
namespace sapiens::onnx {
namespace {

/// Adds the nodes that make inputs of the encoder, in float32 [N, 3, H, W], of uint8 images.
class Preprocessing {
 public:
  /// `images` says what the encoder sees.
  Preprocessing(Graph& graph, const Images& images) : graph_(graph), images_(images) {}

  Value for_features(Family family);
  Value for_task(Task task);

 private:
  // An axis of images that is resampled.
  struct Axis {
    Value from;    // its length, I64 []
    Index to = 0;  // the length that it gets
  };
  // A side of the crops of persons, F32 [N, 1] each.
  struct Side {
    Value center, length;
  };
  // The two pixels around each pixel of a crop, and their shares of it in units of 1 / kWarpSteps:
  // I64 [N, to] each.
  struct Pair {
    Value first, second, first_share, second_share;
  };
  static constexpr Index kWarpSteps = 32;

  void start();
  void measure();
  Value length_of(Index axis);
  Value resized_by_opencv();
  Value cut_out();
  Value boxes_of_images();
  Pair warp_pair(const Axis& axis, const Side& side, bool rows);
  Value between(const Value& pixels, const Axis& axis, const Pair& pair);

  // Matrices [.., to, from] of weights.
  Value pillow_weights(const Axis& axis, bool bicubic);
  Value triangle(const Value& distances);
  Value cubic(const Value& distances);

  Value mix_columns(const Value& levels, const Value& weights);
  Value mix_rows(const Value& levels, const Value& weights);
  Value to_levels(const Value& x);
  Value normalized(const Value& levels, const LevelNorm& norm);

  Value node(std::string_view op, std::vector<Value> inputs, std::vector<Attribute> more = {}) {
    return graph_.node(op, "preprocessing", std::move(inputs), std::move(more));
  }
  Value sum(const Value& a, const Value& b) { return node("Add", {a, b}); }
  Value difference(const Value& a, const Value& b) { return node("Sub", {a, b}); }
  Value product(const Value& a, const Value& b) { return node("Mul", {a, b}); }
  Value quotient(const Value& a, const Value& b) { return node("Div", {a, b}); }
  Value larger(const Value& a, const Value& b) { return node("Max", {a, b}); }
  // Halves are rounded up, as in sums of integers that are shifted.
  Value rounded(const Value& x) { return node("Floor", {sum(x, real(0.5f))}); }
  Value as_real(const Value& x) { return graph_.cast("preprocessing", x, Type::F32); }
  Value ordered(const Value& x, const std::vector<Index>& axes) {
    return node("Transpose", {x}, {{"perm", axes}});
  }
  // A number that is float32 where the graph computes in float16, too.
  Value real(float value) { return graph_.floats({value}, {}); }
  // first, first + step, ... below `end`, I64.
  Value range(Index first, const Value& end, Index step) {
    return node("Range", {graph_.index(first), end, graph_.index(step)});
  }
  // The same for the rows of a matrix, [1, 1, n, 1].
  Value rows_of_range(Index first, Index end, Index step) {
    return node("Unsqueeze", {range(first, graph_.index(end), step), graph_.ints({0, 1, 3})});
  }

  Graph& graph_;
  const Images& images_;
  Value levels_;  // the input, U8 [N, h, w, 3]
  Axis height_, width_;
};

Value Preprocessing::length_of(Index axis) {
  return node("Gather", {node("Shape", {levels_}), graph_.index(axis)});
}

void Preprocessing::start() {
  levels_ = graph_.input("images", Type::U8, {images_.batch, "height", "width", 3});
  height_.to = images_.height.size;
  width_.to = images_.width.size;
}

void Preprocessing::measure() {
  height_.from = length_of(1);
  width_.from = length_of(2);
}

// As `encoder_input`, but that the width always comes first.
Value Preprocessing::for_features(Family family) {
  start();
  measure();
  const bool sapiens2 = family == Family::Sapiens2;
  const Value levels = as_real(ordered(levels_, {0, 3, 1, 2}));
  const Value narrow = to_levels(mix_columns(levels, pillow_weights(width_, !sapiens2)));
  const Value resized = to_levels(mix_rows(narrow, pillow_weights(height_, !sapiens2)));
  return normalized(resized, sapiens2 ? unit_range_norm() : level_norm(PreprocessMode::Full));
}

// As `TaskModel::prepare`.
Value Preprocessing::for_task(Task task) {
  start();
  return normalized(task == Task::Pose ? cut_out() : resized_by_opencv(),
                    level_norm(PreprocessMode::Full));
}

Value Preprocessing::resized_by_opencv() {
  const Value size = slice(graph_, "preprocessing", node("Shape", {levels_}), 0, 1, 3);
  const Value target = graph_.ints({height_.to, width_.to});
  return ordered(resize_opencv(graph_, "preprocessing", levels_, size, target), {0, 3, 1, 2});
}

Value Preprocessing::triangle(const Value& distances) {
  return node("Relu", {difference(real(1), node("Abs", {distances}))});
}

// Keys' kernel with a = -1/2: -(x - 1) (x - 2)^2 / 2 up to 2, and up to 1 (x - 1)^2 (2x - 1) more.
Value Preprocessing::cubic(const Value& distances) {
  const Value x = node("Abs", {distances});
  const Value near = node("Relu", {difference(real(1), x)});
  const Value far = node("Relu", {difference(real(2), x)});
  const Value outer = product(product(far, far), product(difference(far, real(1)), real(0.5f)));
  const Value inner = product(product(near, near), difference(real(1), sum(near, near)));
  return sum(outer, inner);
}

// Pixel i of the result lies at (i + 1/2) from / to, pixel k of the image at k + 1/2, and the
// kernel is as wide as a pixel of the coarser of both. Distances are exact, because they are
// differences of integers: (2k + 1) to - (2i + 1) from.
Value Preprocessing::pillow_weights(const Axis& axis, bool bicubic) {
  const Value to = graph_.index(axis.to), two = graph_.index(2);
  const Value pixels = product(range(1, product(axis.from, two), 2), to);
  const Value centers = product(rows_of_range(1, 2 * axis.to, 2), axis.from);
  const Value unit = product(larger(axis.from, to), two);
  const Value distances = quotient(as_real(difference(pixels, centers)), as_real(unit));
  const Value weights = bicubic ? cubic(distances) : triangle(distances);
  return quotient(weights, graph_.reduce("ReduceSum", "preprocessing", weights, {-1}, true));
}

// As many boxes as images: where their numbers are open and differ, the graph fails here at run
// time. What mixes pixels later would take those of other images in silence. A column for each
// image is put beside the boxes and dropped again; runtimes leave out a Reshape to the number of
// images, which they take to be that of boxes.
Value Preprocessing::boxes_of_images() {
  Value boxes = graph_.input("boxes", Type::F32, {images_.batch, 4});
  if (images_.batch.is_fixed()) return boxes;
  const std::string module = "preprocessing/one_box_per_image";
  const Value images =
      graph_.node("Shape", module, {levels_}, {{"start", Index{0}}, {"end", Index{1}}});
  const Value size =
      graph_.node("Concat", module + "/size", {images, graph_.ints({1})}, {{"axis", Index{0}}});
  const Value column = graph_.node("Expand", module, {graph_.floats({0}, {1, 1}), size});
  const Value both = graph_.node("Concat", module, {boxes, column}, {{"axis", Index{1}}});
  return slice(graph_, module, both, 1, 0, 4);
}

// As `warp_person` of `crop_of_box`.
Value Preprocessing::cut_out() {
  measure();
  const Value boxes = boxes_of_images();
  const std::vector<Value> box = graph_.nodes(
      "Split", "preprocessing", 4, {boxes, graph_.ints({1, 1, 1, 1})}, {{"axis", Index{1}}});
  const auto center = [&](const Value& begin, const Value& length) {
    return product(sum(begin, sum(begin, length)), real(0.5f));
  };
  const Value width = product(box[2], real(kPersonMargin));
  const Value height = product(box[3], real(kPersonMargin));
  const Value aspect = real(static_cast<float>(width_.to) / static_cast<float>(height_.to));
  const Side x{.center = center(box[0], box[2]), .length = larger(width, product(height, aspect))};
  const Side y{.center = center(box[1], box[3]), .length = larger(height, quotient(width, aspect))};
  const Value of_rows = between(as_real(levels_), height_, warp_pair(height_, y, true));
  const Value of_columns =
      between(ordered(of_rows, {0, 2, 1, 3}), width_, warp_pair(width_, x, false));
  return rounded(quotient(ordered(of_columns, {0, 3, 2, 1}), real(kWarpSteps * kWarpSteps)));
}

// OpenCV's warpAffine holds positions in steps of 1/1024, and rounds them to steps of
// 1 / kWarpSteps. Of columns it rounds the position of the first and what is added to it, of rows
// the sum. Positions become whole numbers before pixels are touched: a runtime that computes in 16
// bits on its own account does so from there on, and would cut out other pixels.
Preprocessing::Pair Preprocessing::warp_pair(const Axis& axis, const Side& side, bool rows) {
  constexpr float kFine = 1024;
  const Value last = real(static_cast<float>(axis.to - 1));
  const Value scale = quotient(last, side.length);
  const Value half = product(side.length, real(0.5f));
  const Value shift = quotient(product(last, difference(half, side.center)), side.length);
  const Value index =
      node("Unsqueeze", {as_real(range(0, graph_.index(axis.to), 1)), graph_.ints({0})});
  const auto fine = [&](const Value& x) {
    return node("Round", {quotient(product(x, real(kFine)), scale)});
  };
  const Value position =
      rows ? fine(difference(index, shift)) : difference(fine(index), fine(shift));
  const Value coarse = graph_.cast(
      "preprocessing", rounded(quotient(position, real(kFine / kWarpSteps))), Type::I64);
  const Value steps = graph_.index(kWarpSteps);
  const Value share = node("Mod", {coarse, steps});  // of the sign of the divisor
  const Value first = quotient(difference(coarse, share), steps);
  return {.first = first,
          .second = sum(first, graph_.index(1)),
          .first_share = difference(steps, share),
          .second_share = share};
}

// Mixes the two pixels of every pair along the first axis of each image [N, from, ...]; pixels
// outside of the image are black.
Value Preprocessing::between(const Value& pixels, const Axis& axis, const Pair& pair) {
  const auto part = [&](const Value& at, const Value& share) {
    const Value last = difference(axis.from, graph_.index(1));
    const Value nearest = node("Min", {larger(at, graph_.index(0)), last});
    const Value is_inside = graph_.cast("preprocessing", node("Equal", {at, nearest}), Type::I64);
    const Value weight =
        node("Unsqueeze", {as_real(product(share, is_inside)), graph_.ints({2, 3})});
    const Value index = node("Unsqueeze", {nearest, graph_.ints({2})});
    return product(node("GatherND", {pixels, index}, {{"batch_dims", Index{1}}}), weight);
  };
  return sum(part(pair.first, pair.first_share), part(pair.second, pair.second_share));
}

Value Preprocessing::mix_columns(const Value& levels, const Value& weights) {
  return node("MatMul", {levels, ordered(weights, {0, 1, 3, 2})});
}

Value Preprocessing::mix_rows(const Value& levels, const Value& weights) {
  return node("MatMul", {weights, levels});
}

Value Preprocessing::to_levels(const Value& x) {
  return node("Clip", {rounded(x), real(0), real(255)});
}

Value Preprocessing::normalized(const Value& levels, const LevelNorm& norm) {
  const auto of_channels = [&](const std::array<float, 3>& numbers) {
    return graph_.floats({numbers.begin(), numbers.end()}, {3, 1, 1});
  };
  const Value scaled = norm.white == 1 ? levels : quotient(levels, real(norm.white));
  return quotient(difference(scaled, of_channels(norm.mean)), of_channels(norm.std));
}

}  // namespace

Images add_images(Graph& graph, const EncoderConfig& encoder, const OnnxOptions& options,
                  std::optional<Task> task) {
  Images images = images_of(encoder, options, !task);
  if (options.with_preprocessing) {
    Preprocessing preprocessing(graph, images);
    images.pixels = graph.to_compute("images", task ? preprocessing.for_task(*task)
                                                    : preprocessing.for_features(encoder.family));
    return images;
  }
  const Value pixels =
      graph.input("images", Type::F32, {images.batch, 3, images.height, images.width});
  images.pixels = graph.to_compute("images", pixels);
  return images;
}

}  // namespace sapiens::onnx
