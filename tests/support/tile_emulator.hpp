#pragma once

#include <csignal>

#include "kernels/cpu_features.hpp"

namespace sapiens::tile_emulator {

/// Lets the AMX kernels run on CPUs without AMX: as long as it lives, a SIGILL handler executes the
/// tile instructions of their compiled code, with the arithmetic of Intel's manual. A misuse that
/// the hardware would refuse ends the program with a message. About a microsecond per instruction.
///
/// Does nothing where the CPU has AMX, or lacks the vector instructions around the tile
/// instructions.
class Guard {
 public:
  Guard();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// What this CPU can run, tiles included where the emulator stands in for them.
  const CpuFeatures& cpu() const noexcept { return cpu_; }
  /// Whether tile instructions are emulated, not run by the hardware.
  bool emulates() const noexcept { return emulates_; }

 private:
  CpuFeatures cpu_ = CpuFeatures::detect();
  bool emulates_ = false;
  struct sigaction previous_ = {};
};

/// Whether the calling thread has configured emulated tiles and not released them.
bool configured() noexcept;

}  // namespace sapiens::tile_emulator

namespace sapiens {

/// What tests can run here. AMX kernels run wherever the emulator can stand in for tiles, from the
/// first call of this function until the program ends.
const CpuFeatures& tested_cpu();

}  // namespace sapiens
