#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <sapiens/checkpoint.hpp>
#include <sapiens/run.hpp>
#include <sapiens/shared_model.hpp>
#include <utility>

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
  /// `load()` makes the model.
  template <typename Load>
  explicit Shared(Load load) : shared_(load_without_gil(load)) {}

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
  template <typename Load>
  static std::unique_ptr<Model> load_without_gil(Load load) {
    const WithoutGil no_gil;
    return std::make_unique<Model>(load());
  }

  SharedModel<Model> shared_;
  double forward_seconds_ = 0;  // of the last run; protected by the lock
};

}  // namespace sapiens::python
