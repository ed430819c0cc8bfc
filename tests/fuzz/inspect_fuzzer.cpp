// Any bytes as a checkpoint file, from opening it to the report about it.
#include <cstdint>

#include "checkpoint/state_dict.hpp"
#include "engine/output_labels.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/memory_file.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_checkpoint)
SAPIENS_FUZZ_CROSSOVER(cross_checkpoints)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  const fuzz::MemoryFile file(data, size);
  if (!file.complete()) return 0;
  try {
    const Checkpoint checkpoint = Checkpoint::open(file.path());
    checkpoint.tensors();
    const Inspection inspection = checkpoint.inspect();
    inspection.text();
    inspection.json();
    const Index outputs = inspection.model.outputs;
    for (const Task task : {Task::Pose, Task::Seg}) {
      OutputLabels(checkpoint.state_dict(), task, outputs).names();
    }
  } catch (const Error&) {
  }
  return 0;
}
