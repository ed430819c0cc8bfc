#include <exception>
#include <new>
#include <sapiens/current_error.hpp>
#include <sapiens/error.hpp>
#include <stdexcept>
#include <system_error>

#include "bindings.hpp"

namespace sapiens::python {
namespace {

// sapiens._errors knows which Python class a code has.
py::object to_exception(const Error& error) {
  const ErrorDetail& detail = error.detail();
  return py::module_::import("sapiens._errors")
      .attr("make_error")(to_str(error_code_name(error.code())), to_str(error.what()),
                          to_str(detail.summary), to_str(detail.file, "surrogateescape"),
                          to_str(detail.key), to_str(detail.expected), to_str(detail.actual),
                          to_str(detail.hint));
}

void set_python_error(const Error& error) {
  try {
    const py::object exception = to_exception(error);
    PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
  } catch (py::error_already_set& failure) {  // such as no memory
    failure.restore();
  }
}

}  // namespace

void bind_errors(py::module_& /*module*/) {
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Error& error) {
      set_python_error(error);
    } catch (const std::bad_alloc&) {
      set_python_error(current_error());
    } catch (const std::length_error&) {  // a container asked for more than there can be
      set_python_error(current_error());
    } catch (const std::system_error&) {  // such as a thread that does not start
      set_python_error(current_error());
    }
  });
}

py::str to_str(std::string_view text, const char* on_error) {
  PyObject* const made =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), on_error);
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

}  // namespace sapiens::python
