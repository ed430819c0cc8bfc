#include "arrays.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sapiens/error.hpp>

#include "bindings.hpp"
#include "classes.hpp"

namespace sapiens::python {
namespace {

/// What an array keeps alive, and how NumPy sees its bytes.
struct Memory {
  std::shared_ptr<void> owner;
  void* data;
  py::ssize_t bytes;
};

py::object numpy(const char* name) { return py::module_::import("numpy").attr(name); }

py::tuple to_tuple(std::span<const Index> numbers) {
  py::tuple tuple(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) tuple[i] = numbers[i];
  return tuple;
}

/// Of dense rows in C order, in bytes.
std::vector<Index> strides_of(std::span<const Index> shape, py::ssize_t item_size) {
  std::vector<Index> strides(shape.size());
  Index stride = item_size;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

bool is_dense(const py::buffer_info& view) {
  const std::vector<Index> dense = strides_of(view.shape, view.itemsize);
  for (std::size_t axis = 0; axis < dense.size(); ++axis) {
    if (view.shape[axis] > 1 && view.strides[axis] != dense[axis]) return false;
  }
  return true;
}

/// Converts `numbers` by NumPy; its errors are reported as one line for any argument.
template <typename Convert>
py::object converted(const py::object& numbers, const char* what, Convert convert) {
  try {
    return convert();
  } catch (py::error_already_set& failure) {
    if (!failure.matches(PyExc_TypeError) && !failure.matches(PyExc_ValueError)) throw;
    const auto type = py::str(py::type::of(numbers).attr("__name__")).cast<std::string>();
    throw py::type_error(fmt::format("no array of {} can be made of this {}", what, type));
  }
}

template <typename T>
Numbers<T> to_numbers(const py::object& numbers, const char* what) {
  using namespace py::literals;
  return Numbers<T>(converted(numbers, what, [&] {
    return py::object(numpy("asarray")(numbers, "dtype"_a = item_name<T>, "order"_a = "C"));
  }));
}

/// Throws ImportError where arrays would come out wrong, whatever the reason.
void expect_numpy_as_known() {
  const py::object array = moved(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  const auto is = [&](const char* attribute, const py::object& expected) {
    return py::object(array.attr(attribute)).equal(expected);
  };
  const py::object items = array.attr("ravel")().attr("tolist")();
  const bool right_layout = is("strides", py::make_tuple(12, 4)) && is("itemsize", py::int_(4)) &&
                            is("shape", py::make_tuple(2, 3)) &&
                            py::tuple(items).equal(py::make_tuple(1, 2, 3, 4, 5, 6));
  const py::object turned = array.attr("T");
  const Floats read = to_floats(turned, "numbers");
  constexpr std::array<float, 6> kTurned = {1, 4, 2, 5, 3, 6};
  if (right_layout && read.ndim() == 2 && read.shape(0) == 3 &&
      std::equal(read.items().begin(), read.items().end(), kTurned.begin(), kTurned.end())) {
    return;
  }
  const auto version = py::str(numpy("__version__")).cast<std::string>();
  PyErr_SetString(
      PyExc_ImportError,
      fmt::format("sapiens cannot exchange arrays with NumPy {}: a test array came out wrong",
                  version)
          .c_str());
  throw py::error_already_set();
}

}  // namespace

py::object array_over(std::shared_ptr<void> owner, void* data, std::size_t bytes, const char* dtype,
                      py::ssize_t item_size, std::span<const Index> shape) {
  using namespace py::literals;
  if (bytes == 0) return numpy("empty")(to_tuple(shape), dtype);
  const Memory memory{std::move(owner), data, static_cast<py::ssize_t>(bytes)};
  return numpy("ndarray")("shape"_a = to_tuple(shape), "dtype"_a = dtype,
                          "buffer"_a = py::cast(memory),
                          "strides"_a = to_tuple(strides_of(shape, item_size)));
}

template <typename T>
Numbers<T>::Numbers(const py::object& array) : view_(py::buffer(array).request()) {
  if (view_.format == py::format_descriptor<T>::format() && view_.itemsize == sizeof(T) &&
      is_dense(view_)) {
    return;
  }
  throw py::type_error(fmt::format("this is no array of {} in C order", item_name<T>));
}

template <typename T>
std::string Numbers<T>::shape_text() const {
  return fmt::format("[{}]", fmt::join(view_.shape, ", "));
}

template <typename T>
void Numbers<T>::expect_shape(const char* what, std::span<const Index> expected) const {
  const auto matches = [](Index wanted, Index found) { return wanted == kAny || wanted == found; };
  if (std::ranges::equal(expected, view_.shape, matches)) return;
  throw_shape_mismatch(what, expected, std::vector<Index>(view_.shape.begin(), view_.shape.end()));
}

template class Numbers<float>;
template class Numbers<double>;
template class Numbers<std::uint8_t>;

Floats to_floats(const py::object& numbers, const char* what) {
  return to_numbers<float>(numbers, what);
}

Doubles to_doubles(const py::object& numbers, const char* what) {
  return to_numbers<double>(numbers, what);
}

Bytes to_bytes(const py::object& numbers, const char* what) {
  using namespace py::literals;
  return Bytes(converted(numbers, what, [&] {
    return py::object(numpy("asarray")(numbers).attr("astype")(
        "u1", "order"_a = "C", "casting"_a = "safe", "copy"_a = false));
  }));
}

std::vector<Box> to_boxes(const py::object& numbers) {
  const Floats array = to_floats(numbers, "boxes");
  if (array.ndim() != 2 || (array.shape(1) != 4 && array.shape(1) != 5)) {
    throw Error(ErrorCode::ShapeMismatch,
                {.summary = "these are no boxes",
                 .expected = "[persons, 4]: x, y, width, height in pixels; or a score as a fifth",
                 .actual = array.shape_text()});
  }
  std::vector<Box> boxes;
  for (Index i = 0; i < array.shape(0); ++i) {
    const float* const row = array.data() + i * array.shape(1);
    boxes.push_back({.x = row[0], .y = row[1], .width = row[2], .height = row[3]});
    if (array.shape(1) == 5) boxes.back().score = row[4];
  }
  return boxes;
}

void bind_arrays(py::module_& module) {
  made_by_functions(py::class_<Memory>(module, "Memory", py::buffer_protocol(), py::is_final())
                        .def_buffer([](Memory& memory) {
                          return py::buffer_info(memory.data, 1, "B", memory.bytes);
                        }));
  expect_numpy_as_known();
}

}  // namespace sapiens::python
