#include <fmt/format.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sapiens/error.hpp>
#include <sapiens/image.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "gil.hpp"

namespace sapiens::python {
namespace {

constexpr py::ssize_t kMaxPixels = py::ssize_t{1} << 28;  // as of pictures in files

[[noreturn]] void refuse(const py::array& array) {
  std::string shape;
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    shape += fmt::format("{}{}", axis > 0 ? ", " : "", array.shape(axis));
  }
  const auto dtype = py::str(static_cast<const py::object&>(array.dtype())).cast<std::string>();
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "this array is no picture",
       .expected = fmt::format(
           "uint8 [height, width, 3], red first, none of them 0 and at most {} pixels", kMaxPixels),
       .actual = fmt::format("{} [{}]", dtype, shape),
       .hint = dtype == "uint8" ? "" : "bring the values to 0..255 and use .astype(\"uint8\")"});
}

// The library's pictures own their pixels, so this copies them once; the array may have any
// strides.
Image from_array(const py::array& array) {
  if (!py::isinstance<py::array_t<std::uint8_t>>(array) || array.ndim() != 3 ||
      array.shape(2) != 3 || array.size() == 0 || array.size() > 3 * kMaxPixels) {
    refuse(array);
  }
  const auto pixels = py::reinterpret_borrow<py::array_t<std::uint8_t>>(array).unchecked<3>();
  Image picture{.width = array.shape(1), .height = array.shape(0), .rgb = {}};
  picture.rgb.resize(static_cast<std::size_t>(array.size()));
  const bool dense_rows = array.strides(2) == 1 && array.strides(1) == 3;
  std::uint8_t* to = picture.rgb.data();
  for (py::ssize_t y = 0; y < array.shape(0); ++y) {
    if (dense_rows) {
      to = std::copy_n(pixels.data(y, 0, 0), array.shape(1) * 3, to);
      continue;
    }
    for (py::ssize_t x = 0; x < array.shape(1); ++x) {
      for (py::ssize_t channel = 0; channel < 3; ++channel) *to++ = pixels(y, x, channel);
    }
  }
  return picture;
}

Image read_file(const std::filesystem::path& file) {
  const WithoutGil no_gil;
  return Image::read(file);
}

}  // namespace

void bind_pictures(py::module_& module) {
  py::class_<Image, std::shared_ptr<Image>>(module, "Image")
      .def_static("read", &read_file, py::arg("file"))
      .def_static("from_array", &from_array, py::arg("array"))
      .def_readonly("width", &Image::width)
      .def_readonly("height", &Image::height);
  module.def(
      "read_image", [](const std::filesystem::path& file) { return moved(read_file(file)); },
      py::arg("file"));
}

}  // namespace sapiens::python
