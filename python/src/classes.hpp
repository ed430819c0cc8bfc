#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace sapiens::python {

/// For a class whose objects functions of the module make. Python can then make none itself:
/// `Class.__new__(Class)`, which copying and unpickling call too, would give one of memory that
/// nothing was ever written to, and the first use of it would end the process. Nor can an object
/// of another class be declared one of it. To be called when all its methods are there.
template <typename Class>
void made_by_functions(Class bound) {
  bound.def("__reduce_ex__", [](const pybind11::object& self, const pybind11::args&) {
    const auto name = pybind11::type::of(self).attr("__name__").template cast<std::string>();
    throw pybind11::type_error("an object of class " + name + " cannot be copied or pickled");
  });
  auto* const type = reinterpret_cast<PyTypeObject*>(bound.ptr());
  type->tp_new = nullptr;
#ifdef Py_TPFLAGS_IMMUTABLETYPE  // since Python 3.10
  type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
#endif
  PyType_Modified(type);
}

}  // namespace sapiens::python
