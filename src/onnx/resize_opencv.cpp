#include "onnx/resize_opencv.hpp"

#include <string_view>
#include <vector>

// OpenCV's resize of 8-bit images with INTER_LINEAR: positions in float32, weights of 11 bits,
// products and sums in whole numbers. Everything here is a float32 that holds a whole number below
// 2^24, or a number with as few bits, so that no runtime rounds anything that OpenCV does not.
namespace sapiens::onnx {
namespace {

constexpr float kWeightOne = 2048;

/// The two pixels of the source that make a pixel of the target, for all pixels of an axis.
struct BilinearTaps {
  Value first, second;                ///< I64 [target]
  Value first_weight, second_weight;  ///< F32 [target, 1, ...], each 0 to 2048.
};

class OpenCvResize {
 public:
  OpenCvResize(Graph& graph, const std::string& module) : graph_(graph), module_(module) {}

  Value run(const Value& images, const Value& size, const Value& target) {
    const BilinearTaps rows = taps("/rows", size, target, 0),
                       columns = taps("/columns", size, target, 1);
    const auto row = [&](const Value& at) { return in_columns(gather(images, at, 1), columns); };
    const Value sum = op("Add", "", scaled_row(row(rows.first), rows.first_weight),
                         scaled_row(row(rows.second), rows.second_weight));
    return scaled_down(op("Add", "/half", sum, number(2)), 4);
  }

 private:
  BilinearTaps taps(const std::string& axis, const Value& sizes, const Value& targets,
                    Index which) {
    const Value size =
        graph_.node("Gather", module_ + axis, {sizes, graph_.index(which)}, {{"axis", Index{0}}});
    const Value target =
        graph_.node("Gather", module_ + axis, {targets, graph_.index(which)}, {{"axis", Index{0}}});
    const Value pixel =
        graph_.node("Range", module_ + axis, {graph_.index(0), target, graph_.index(1)});
    // (pixel + 1/2) size / target - 1/2 as a quotient of whole numbers.
    const Value odd = op("Add", axis, op("Mul", axis, pixel, graph_.index(2)), graph_.index(1));
    Value dividend = op("Sub", axis, op("Mul", axis, odd, size), target);
    const Value divisor = op("Mul", axis, target, graph_.index(2));
    const Value last = op("Sub", axis, size, graph_.index(1));
    // OpenCV moves columns to the edge, but mixes the row at the edge with itself, which may round
    // differently.
    if (which == 1) {
      dividend = op("Min", axis, op("Max", axis, dividend, graph_.index(0)),
                    op("Mul", axis, last, divisor));
    }
    // Rounded down; a position is at least -1/2.
    const Value next = op("Div", axis, op("Add", axis + "/next", dividend, divisor), divisor);
    const Value first = op("Sub", axis + "/first", next, graph_.index(1));
    const Value rest = op("Sub", axis, dividend, op("Mul", axis, first, divisor));
    // OpenCV's position has 24 bits, so its share of the next pixel has fewer than 24. One quotient
    // for both would depend on how a runtime divides.
    const Value whole = as_float(axis, first);
    const Value fraction =
        op("Div", axis + "/share", as_float(axis, rest), as_float(axis, divisor));
    const Value position = op("Add", axis + "/share", whole, fraction);
    const Value share = op("Sub", axis + "/share", position, whole);
    return {.first = op("Max", axis + "/first", first, graph_.index(0)),
            .second = op("Min", axis + "/second", next, last),
            .first_weight = weight(axis, op("Sub", axis + "/share", number(1), share), which),
            .second_weight = weight(axis, share, which)};
  }

  // Behind a weight of rows there are columns and channels, behind one of columns channels.
  Value weight(const std::string& axis, const Value& share, Index which) {
    const Value rounded =
        graph_.node("Round", module_ + axis, {op("Mul", axis, share, number(kWeightOne))});
    return graph_.node(
        "Unsqueeze", module_ + axis,
        {rounded, graph_.ints(which == 0 ? std::vector<Index>{1, 2} : std::vector<Index>{1})});
  }

  // Sums have 11 bits behind the point, of which OpenCV drops 4.
  Value in_columns(const Value& rows, const BilinearTaps& columns) {
    const auto part = [&](const Value& at, const Value& weight) {
      return op("Mul", "/columns", as_float("/columns", gather(rows, at, 2)), weight);
    };
    const Value sum = op("Add", "/columns", part(columns.first, columns.first_weight),
                         part(columns.second, columns.second_weight));
    return scaled_down(sum, 16);
  }

  // floor(row weight / 65536). The product may have 26 bits, so the weight is split: its upper part
  // counts in units of 64, and what the lower one adds to the product in these units is rounded
  // down first, which does not change the result.
  Value scaled_row(const Value& row, const Value& weight) {
    const Value upper = scaled_down(weight, 64);
    const Value lower =
        op("Sub", "/rows/lower", op("Mul", "/rows/lower", weight, number(1.0f / 64)), upper);
    const Value low = graph_.node("Floor", module_ + "/rows", {op("Mul", "/rows", row, lower)});
    return scaled_down(op("Add", "/rows", op("Mul", "/rows", row, upper), low), 1024);
  }

  /// floor(x / divisor) for a power of two.
  Value scaled_down(const Value& x, float divisor) {
    return graph_.node("Floor", module_, {op("Mul", "", x, number(1 / divisor))});
  }

  Value gather(const Value& x, const Value& at, Index axis) {
    return graph_.node("Gather", module_, {x, at}, {{"axis", axis}});
  }
  Value op(std::string_view name, const std::string& part, const Value& a, const Value& b) {
    return graph_.node(name, module_ + part, {a, b});
  }
  Value as_float(const std::string& part, const Value& x) {
    return graph_.cast(module_ + part, x, Type::F32);
  }
  // Also in a graph that computes in half precision.
  Value number(float value) { return graph_.floats({value}, {}); }

  Graph& graph_;
  const std::string& module_;
};

}  // namespace

Value resize_opencv(Graph& graph, const std::string& module, const Value& images, const Value& size,
                    const Value& target) {
  return OpenCvResize(graph, module).run(images, size, target);
}

}  // namespace sapiens::onnx
