#pragma once

#include <string>

#include "checkpoint/state_dict.hpp"
#include "reconcile/names.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// How many matrices with an encoder's names hold no numbers, or a single one: DeepSpeed ZeRO-3
/// leaves such placeholders where parameters are divided among processes.
struct Placeholders {
  Index names = 0;     ///< Tensors of the file with names of the encoder.
  Index matrices = 0;  ///< Those of them that would be matrices.
  Index empty = 0;     ///< Matrices without their numbers.

  bool divided() const noexcept { return empty >= 4 && 2 * empty > matrices; }
};
Placeholders count_placeholders(const StateDict& dict, const NameIndex& index,
                                const EncoderNames& names);

/// The report of such a file.
Report placeholder_report(const Placeholders& found);

}  // namespace sapiens
