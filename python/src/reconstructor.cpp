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
      bind_model<Reconstructor>(module, "Reconstructor")
          .def("run", &run, py::arg("image"), py::arg("mask_ratio"), py::arg("seed")));
  module.def(
      "open_reconstructor",
      [](const std::filesystem::path& file, const EngineOptions& engine,
         const ModelOptions& model) { return Autoencoder::open(file, engine, model); },
      py::arg("file"), py::arg("engine"), py::arg("model"));
}

}  // namespace sapiens::python
