#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>
#include <sapiens/reconstruct.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "classes.hpp"
#include "shared.hpp"

namespace sapiens::python {
namespace {

using Autoencoder = Shared<Reconstructor>;

std::unique_ptr<Autoencoder> open_autoencoder(const std::filesystem::path& file,
                                              const ModelOptions& model, EngineOptions engine) {
  engine.loading = interruptible();
  return std::make_unique<Autoencoder>(
      [&] { return Reconstructor(Checkpoint::open(file), model, engine); });
}

/// (original, masked, reconstruction, mask, masked error, mean error).
py::tuple run(Autoencoder& autoencoder, const Image& image, double mask_ratio, std::uint64_t seed) {
  Reconstruction found = autoencoder.run([&](Reconstructor& model, const Progress& progress) {
    return model.run(image, {.mask_ratio = mask_ratio, .seed = seed, .progress = progress});
  });
  return py::make_tuple(moved(std::move(found.original)), moved(std::move(found.masked)),
                        moved(std::move(found.reconstruction)),
                        moved(std::move(found.mask), {found.grid.height, found.grid.width}),
                        found.masked_error, found.mean_error);
}

}  // namespace

void bind_reconstructor(py::module_& module) {
  made_by_functions(
      py::class_<Autoencoder>(module, "Reconstructor", py::is_final())
          .def("report",
               [](const Autoencoder& self) { return to_report(self.model().inspection()); })
          .def("size",
               [](const Autoencoder& self) {
                 const Grid size = self.model().input_size();
                 return py::make_tuple(size.height, size.width);
               })
          .def("stats", [](Autoencoder& self) { return to_dict(self.stats()); })
          .def("run", &run, py::arg("image"), py::arg("mask_ratio"), py::arg("seed")));
  module.def("open_reconstructor", &open_autoencoder, py::arg("file"), py::arg("model"),
             py::arg("engine"));
}

}  // namespace sapiens::python
