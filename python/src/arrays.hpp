#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sapiens/features.hpp>
#include <sapiens/image.hpp>
#include <sapiens/results.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// NumPy's arrays, made by calls of its Python functions and read through the buffer protocol.
/// Nothing here knows how NumPy lays its own structures out in memory, which NumPy 2 changed:
/// pybind11/numpy.h before 2.12 reads an item size of 0 there. Strides are always given, never left
/// to be derived.
namespace sapiens::python {

namespace py = pybind11;

/// The type of items as NumPy's and the buffer protocol's letters spell it.
template <typename T>
constexpr const char* item_name = nullptr;
template <>
inline constexpr const char* item_name<float> = "f4";
template <>
inline constexpr const char* item_name<double> = "f8";
template <>
inline constexpr const char* item_name<std::uint8_t> = "u1";

/// An array over `bytes` at `data`, which `owner` keeps, in C order. `dtype` is as "f4".
py::object array_over(std::shared_ptr<void> owner, void* data, std::size_t bytes, const char* dtype,
                      py::ssize_t item_size, std::span<const Index> shape);

/// A NumPy array whose memory is that of `values`: nothing is copied.
template <typename T>
py::object moved(std::vector<T> values, const std::vector<Index>& shape,
                 const char* dtype = item_name<T>, py::ssize_t item_size = sizeof(T)) {
  const auto owner = std::make_shared<std::vector<T>>(std::move(values));
  return array_over(owner, owner->data(), owner->size() * sizeof(T), dtype, item_size, shape);
}

inline py::object moved(FloatArray array) { return moved(std::move(array.values), array.shape); }

/// [H, W, 3]
inline py::object moved(Image image) {
  const std::vector<Index> shape = {image.height, image.width, 3};
  return moved(std::move(image.rgb), shape);
}

/// An array of Python that is being read. To be made, moved and destroyed with the GIL.
template <typename T>
class Numbers {
 public:
  /// Throws TypeError unless `array` exports items of this type, in C order.
  explicit Numbers(const py::object& array);

  Index ndim() const { return view_.ndim; }
  Index shape(Index axis) const { return view_.shape[static_cast<std::size_t>(axis)]; }
  Index size() const { return view_.size; }
  const T* data() const { return static_cast<const T*>(view_.ptr); }
  std::span<const T> items() const { return {data(), static_cast<std::size_t>(view_.size)}; }
  /// "[2, 133, 3]"
  std::string shape_text() const;
  /// Throws ShapeMismatch naming `what` unless the shape is `expected`, where kAny matches any
  /// length.
  void expect_shape(const char* what, std::span<const Index> expected) const;

 private:
  py::buffer_info view_;
};

using Floats = Numbers<float>;
using Doubles = Numbers<double>;
using Bytes = Numbers<std::uint8_t>;

/// Of anything that NumPy makes an array of; `what` names it where it cannot.
Floats to_floats(const py::object& numbers, const char* what);
Doubles to_doubles(const py::object& numbers, const char* what);

/// Of what fits into bytes without a loss, such as truth values.
Bytes to_bytes(const py::object& numbers, const char* what);

/// Of an array [persons, 4] or [persons, 5]: x, y, width, height in pixels, and the score.
std::vector<Box> to_boxes(const py::object& boxes);

}  // namespace sapiens::python
