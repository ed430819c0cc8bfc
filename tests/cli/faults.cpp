#include "cli/faults.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "support/sanitizers.hpp"

namespace sapiens {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

/// Variables of the environment, as long as this lives.
class Environment {
 public:
  explicit Environment(Variables variables) : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& [name, value] : variables_) unsetenv(name.c_str());
  }

 private:
  Variables variables_;
};

FaultedRun run_with(Variables variables, const std::vector<std::string>& arguments) {
  const Scratch scratch;
  variables.insert(variables.end(),
                   {{"LD_PRELOAD", FAULT_SHIM}, {"SAPIENS_FAULT_LOG", scratch / "log"}});
  const Environment environment(std::move(variables));
  Running program(arguments);
  const bool hung = hangs(program);
  return {.finished = program.wait(), .hung = hung, .log = read_bytes(scratch / "log")};
}

}  // namespace

std::string why_no_faults() {
  return kUnderSanitizer ? "the sanitizer's own library has to be loaded first" : "";
}

FaultedRun run_with_fault(const std::string& folder, const Fault& fault,
                          const std::vector<std::string>& arguments) {
  return run_with(
      {{"SAPIENS_FAULT_BELOW", folder},
       {"SAPIENS_FAULT_CALLS", fault.calls},
       {"SAPIENS_FAULT", std::to_string(fault.first) + " " + std::to_string(fault.step) + " " +
                             std::to_string(fault.error)}},
      arguments);
}

FaultedRun run_with_jumping_clock(long first, const std::vector<std::string>& arguments) {
  constexpr long kDay = 86'400;
  return run_with({{"SAPIENS_FAULT_CLOCK", std::to_string(first) + " " + std::to_string(kDay)}},
                  arguments);
}

bool hangs(Running& program) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(3);
  while (!program.ended()) {
    if (std::chrono::steady_clock::now() > give_up) {
      program.send(SIGKILL);
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace sapiens
