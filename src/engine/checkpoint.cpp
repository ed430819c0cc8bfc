#include "sapiens/checkpoint.hpp"

#include <memory>
#include <utility>

#include "checkpoint/state_dict.hpp"
#include "engine/assess.hpp"
#include "sapiens/verify.hpp"

namespace sapiens {

Checkpoint::Checkpoint(std::shared_ptr<const StateDict> state_dict)
    : state_dict_(std::move(state_dict)) {}

Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  return Checkpoint(std::make_shared<const StateDict>(open_checkpoint(path)));
}

Inspection Checkpoint::inspect(const ModelOptions& options) const {
  return inspect_verified(*this, options, checksums_of(*this));
}

Inspection inspect_verified(const Checkpoint& checkpoint, const ModelOptions& options,
                            const Verification& verification) {
  Inspection inspection = assess(checkpoint.state_dict(), options, Subject::Anything).inspection;
  for (std::string& line : describe(verification)) {
    inspection.report.notes.push_back(std::move(line));
  }
  return inspection;
}

std::vector<TensorInfo> Checkpoint::tensors() const {
  std::vector<TensorInfo> tensors;
  tensors.reserve(state_dict_->tensors.size());
  for (const TensorEntry& tensor : state_dict_->tensors) {
    tensors.push_back({.key = tensor.path(),
                       .dtype = tensor.dtype,
                       .shape = tensor.shape,
                       .type = std::string(tensor.type_name()),
                       .readable = !tensor.unreadable});
  }
  return tensors;
}

const std::map<std::string, std::string>& Checkpoint::metadata() const {
  return state_dict_->metadata;
}

}  // namespace sapiens
