#pragma once

#include <pybind11/pybind11.h>

#include <filesystem>
#include <memory>
#include <sapiens/checkpoint.hpp>
#include <sapiens/run.hpp>
#include <sapiens/shared_model.hpp>
#include <utility>

#include "bindings.hpp"
#include "gil.hpp"

namespace sapiens::python {

/// A model that Python's threads share. Its calls run one after the other and without the GIL.
///
/// The lock is taken after the GIL is released and given back before the GIL is taken again. So
/// no thread that holds the GIL waits for the lock, and one that holds the lock may wait for the
/// GIL.
template <typename Model>
class Shared {
 public:
  /// Loads the model of `file`; `options` are what the model's constructor takes before those of
  /// the engine.
  template <typename... Options>
  static std::unique_ptr<Shared> open(const std::filesystem::path& file, EngineOptions engine,
                                      const Options&... options) {
    engine.loading = interruptible();
    const WithoutGil no_gil;
    return std::make_unique<Shared>(
        std::make_unique<Model>(Checkpoint::open(file), options..., engine));
  }
  explicit Shared(std::unique_ptr<Model> model) : shared_(std::move(model)) {}

  /// `compute(model, progress)`, which must not touch Python. Ctrl-C ends the wait for other calls
  /// too, and the computation if it tells `progress`.
  template <typename Compute>
  auto call(Compute compute) {
    const Progress progress = interruptible();
    const WithoutGil no_gil;
    const auto lock = shared_.lock(progress ? [&] { progress(0); } : std::function<void()>());
    return compute(*lock, progress);
  }

  /// The same for what returns its RunStats too.
  template <typename Compute>
  auto run(Compute compute) {
    return call([&](Model& model, const Progress& progress) {
      auto found = compute(model, progress);
      forward_seconds_ = found.stats.forward_seconds;
      return found;
    });
  }

  /// The content of `stats` in Python: that of the model, and the duration of the last pass.
  std::pair<EngineStats, double> stats() {
    return call(
        [&](Model& model, const Progress&) { return std::pair(model.stats(), forward_seconds_); });
  }

  /// For what any thread may ask while others compute.
  const Model& model() const { return *shared_; }

 private:
  SharedModel<Model> shared_;
  double forward_seconds_ = 0;  // of the last run; protected by the lock
};

/// The class `name` of Python with what every model has.
template <typename Model>
py::class_<Shared<Model>> bind_model(py::module_& module, const char* name) {
  py::class_<Shared<Model>> bound(module, name, py::is_final());
  bound.def("report",
            [](const Shared<Model>& self) { return to_report(self.model().inspection()); });
  bound.def("stats", [](Shared<Model>& self) { return to_dict(self.stats()); });
  if constexpr (requires(const Model& model) { model.input_size(); }) {
    bound.def("size", [](const Shared<Model>& self) {
      const Grid size = self.model().input_size();
      return py::make_tuple(size.height, size.width);
    });
  }
  return bound;
}

}  // namespace sapiens::python
