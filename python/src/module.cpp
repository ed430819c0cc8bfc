#include <sapiens/file_guard.hpp>
#include <sapiens/version.hpp>

#include "bindings.hpp"

PYBIND11_MODULE(_sapiens, module) {
  using namespace sapiens::python;
  module.doc() = "The engine behind the package sapiens; import that instead.";
  sapiens::guard_mapped_files();
  module.attr("__version__") = SAPIENS_VERSION;
  bind_errors(module);
  bind_arrays(module);
  bind_options(module);
  bind_images(module);
  bind_published(module);
  bind_checkpoints(module);
  bind_encoder(module);
  bind_tasks(module);
  bind_detector(module);
  bind_reconstructor(module);
  bind_drawing(module);
  bind_eval(module);
  bind_onnx(module);
  bind_pooling(module);
}
