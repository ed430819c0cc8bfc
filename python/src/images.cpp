#include <fmt/format.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sapiens/boxes.hpp>
#include <sapiens/error.hpp>
#include <sapiens/image.hpp>
#include <sapiens/result_files.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "classes.hpp"
#include "gil.hpp"

namespace sapiens::python {
namespace {

[[noreturn]] void refuse(const std::string& dtype, const std::vector<py::ssize_t>& shape) {
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "this array is no image",
       .expected =
           fmt::format("uint8 [height, width, 3], red first, none of them 0 and at most {} pixels",
                       kMaxImagePixels),
       .actual = fmt::format("{} [{}]", dtype, fmt::join(shape, ", ")),
       .hint = dtype == "uint8" ? "" : "bring the values to 0..255 and use .astype(\"uint8\")"});
}

// The library's images own their pixels, so this copies them once; the array may have any
// strides.
Image from_array(const py::object& array) {
  const auto dtype = py::str(array.attr("dtype")).cast<std::string>();
  const auto shape = array.attr("shape").cast<std::vector<py::ssize_t>>();
  const bool is_image = dtype == "uint8" && shape.size() == 3 && shape[2] == 3 && 0 < shape[0] &&
                        0 < shape[1] && shape[0] <= kMaxImagePixels / shape[1];
  if (!is_image) refuse(dtype, shape);
  const py::buffer_info view = py::buffer(array).request();
  if (view.shape != shape || view.format != "B") refuse(view.format, view.shape);

  Image image{.width = shape[1], .height = shape[0], .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(shape[0] * shape[1] * 3));
  const bool dense_rows = view.strides[2] == 1 && view.strides[1] == 3;
  std::uint8_t* to = image.rgb.data();
  for (py::ssize_t y = 0; y < shape[0]; ++y) {
    const std::uint8_t* const row =
        static_cast<const std::uint8_t*>(view.ptr) + y * view.strides[0];
    if (dense_rows) {
      to = std::copy_n(row, shape[1] * 3, to);
      continue;
    }
    for (py::ssize_t x = 0; x < shape[1]; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        *to++ = row[x * view.strides[1] + channel * view.strides[2]];
      }
    }
  }
  return image;
}

Image read_file(const std::filesystem::path& file) {
  const WithoutGil no_gil;
  return Image::read(file);
}

Image decode_file(const py::bytes& data, const std::string& name) {
  const auto bytes = static_cast<std::string_view>(data);
  const WithoutGil no_gil;
  return Image::decode(std::as_bytes(std::span(bytes)), name);
}

py::object cut_out(const Image& image, const py::object& box, Index height, Index width) {
  const Box person = to_boxes(box).at(0);
  Image crop;
  {
    const WithoutGil no_gil;
    crop = crop_person(image, person, height, width);
  }
  return moved(std::move(crop));
}

py::object read_classes(const std::filesystem::path& file) {
  Segmentation labels;
  {
    const WithoutGil no_gil;
    labels = read_class_png(file);
  }
  return moved(std::move(labels.ids), {labels.height, labels.width});
}

}  // namespace

void bind_images(py::module_& module) {
  made_by_functions(py::class_<Image, std::shared_ptr<Image>>(module, "Image", py::is_final())
                        .def_static("read", &read_file, py::arg("file"))
                        .def_static("decode", &decode_file, py::arg("data"), py::arg("name"))
                        .def_static("from_array", &from_array, py::arg("array"))
                        .def_readonly("width", &Image::width)
                        .def_readonly("height", &Image::height));
  module.def(
      "read_image", [](const std::filesystem::path& file) { return moved(read_file(file)); },
      py::arg("file"));
  module.def("read_labels", &read_classes, py::arg("file"));
  module.def("crop_person", &cut_out, py::arg("image"), py::arg("box"), py::arg("height"),
             py::arg("width"));
}

}  // namespace sapiens::python
