#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <chrono>
#include <sapiens/checkpoint.hpp>

namespace sapiens::python {

/// Lets other threads of Python run until its end.
///
/// As pybind11's gil_scoped_release does, except where the interpreter ended meanwhile, as it does
/// under daemon threads. Python then unwinds whoever asks for the GIL, through destructors that
/// must not throw, which ends the process with SIGABRT. Here the thread waits for the process to
/// end, which is what Python does itself from 3.14 on.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) pause();
    }
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

/// Lets Ctrl-C, and other Python signal handlers, end a long computation. Looks five times a
/// second, as taking the GIL can cost milliseconds where other threads are busy. Empty outside of
/// Python's main thread, where no handler runs. To be called with the GIL.
inline Progress interruptible() {
  namespace py = pybind11;
  const auto main_thread =
      py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  if (PyThread_get_thread_ident() != main_thread) return {};
  using Clock = std::chrono::steady_clock;
  return [last = Clock::now()](double /*done*/) mutable {
    if (Clock::now() - last < std::chrono::milliseconds(200)) return;
    last = Clock::now();
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  };
}

}  // namespace sapiens::python
