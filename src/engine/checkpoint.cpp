#include "sapiens/checkpoint.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "checkpoint/state_dict.hpp"
#include "engine/assess.hpp"
#include "sapiens/verify.hpp"

namespace sapiens {

struct Checkpoint::State {
  StateDict dict;
  std::mutex mutex;
  std::deque<std::pair<ModelOptions, std::shared_ptr<const Assessment>>> assessments;
};

Checkpoint::Checkpoint(std::shared_ptr<State> state) : state_(std::move(state)) {}

Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  auto state = std::make_shared<State>();
  state->dict = open_checkpoint(path);
  return Checkpoint(std::move(state));
}

const StateDict& Checkpoint::state_dict() const { return state_->dict; }

std::shared_ptr<const Assessment> Checkpoint::assess(const ModelOptions& given) const {
  constexpr std::size_t kMaxKept = 4;
  ModelOptions options = given;
  options.expected_task.reset();  // what a caller expects changes nothing about the file
  const std::lock_guard lock(state_->mutex);
  auto& kept = state_->assessments;
  for (const auto& [known, assessment] : kept) {
    if (known == options) return assessment;
  }
  auto assessment = std::make_shared<const Assessment>(state_->dict, options);
  if (kept.size() == kMaxKept) kept.pop_front();
  kept.emplace_back(options, assessment);
  return assessment;
}

Inspection Checkpoint::inspect(const ModelOptions& options) const {
  return inspect_verified(*this, options, checksums_of(*this));
}

Inspection inspect_verified(const Checkpoint& checkpoint, const ModelOptions& options,
                            const Verification& verification) {
  Inspection inspection = checkpoint.assess(options)->inspection();
  for (std::string& line : describe(verification)) {
    inspection.report.notes.push_back(std::move(line));
  }
  return inspection;
}

std::vector<TensorInfo> Checkpoint::tensors() const {
  std::vector<TensorInfo> tensors;
  tensors.reserve(state_->dict.tensors.size());
  for (const TensorEntry& tensor : state_->dict.tensors) {
    tensors.push_back({.key = tensor.path(),
                       .dtype = tensor.dtype,
                       .shape = tensor.shape,
                       .type = std::string(tensor.type_name()),
                       .readable = !tensor.unreadable});
  }
  return tensors;
}

const std::map<std::string, std::string>& Checkpoint::metadata() const {
  return state_->dict.metadata;
}

}  // namespace sapiens
