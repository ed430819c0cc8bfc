#include "engine/runtime.hpp"

#include <string>

#include "engine/kernel_choice.hpp"

namespace sapiens {

Runtime::Runtime(const EngineOptions& options)
    : pool_(options.threads),
      kernels_(choose_kernels(options.isa)),
      ops_(kernels_.table, pool_, options.precision) {
  stats_.threads = pool_.threads();
  stats_.isa = kernels_.levels;
  stats_.l2_bytes = static_cast<std::uint64_t>(kernels_.table.l2_bytes);
  stats_.precision = precision_name(ops_.precision());
  ops_.set_profile(&profile_);
}

Workspace& Runtime::workspace(std::size_t bytes) {
  if (!workspace_ || workspace_->capacity() < bytes) {
    workspace_.reset();  // first, so that two arenas never live at once
    workspace_ = std::make_unique<Workspace>(bytes);
    stats_.activation_bytes = bytes;
  }
  return *workspace_;
}

std::vector<OperatorTime> Runtime::operators() const {
  std::vector<OperatorTime> operators;
  for (const Profile::Entry& entry : profile_.entries()) {
    operators.push_back({.name = std::string(entry.name),
                         .calls = entry.calls,
                         .seconds = entry.seconds,
                         .gflop = entry.work.operations * 1e-9,
                         .gbytes = entry.work.bytes * 1e-9,
                         .arithmetic = std::string(entry.work.arithmetic)});
  }
  return operators;
}

}  // namespace sapiens
