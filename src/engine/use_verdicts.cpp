#include <mutex>
#include <utility>

#include "sapiens/report.hpp"

namespace sapiens {

struct UseVerdicts::State {
  std::once_flag once;
  std::function<std::vector<UseVerdict>()> make;
  std::vector<UseVerdict> verdicts;
};

UseVerdicts::UseVerdicts(std::vector<UseVerdict> verdicts) : state_(std::make_shared<State>()) {
  state_->verdicts = std::move(verdicts);
}

UseVerdicts::UseVerdicts(std::function<std::vector<UseVerdict>()> make)
    : state_(std::make_shared<State>()) {
  state_->make = std::move(make);
}

const std::vector<UseVerdict>& UseVerdicts::all() const {
  static const std::vector<UseVerdict> kNone;
  if (!state_) return kNone;
  std::call_once(state_->once, [this] {
    if (!state_->make) return;
    state_->verdicts = state_->make();
    state_->make = nullptr;  // with what it keeps
  });
  return state_->verdicts;
}

}  // namespace sapiens
