#pragma once

#include <string>

#include "checkpoint/state_dict.hpp"
#include "reconcile/names.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// Counts matrices with names of an encoder that have at most one element: DeepSpeed ZeRO-3 stores
/// such placeholders for parameters that are partitioned among processes.
struct Placeholders {
  Index names = 0;     ///< Tensors of the file with names of the encoder.
  Index matrices = 0;  ///< Those of them that are matrices in the model.
  Index empty = 0;     ///< Matrices without values.

  bool divided() const noexcept { return empty >= 4 && 2 * empty > matrices; }
};
Placeholders count_placeholders(const StateDict& dict, const NameIndex& index,
                                const EncoderNames& names);

/// The report of such a file.
Report placeholder_report(const Placeholders& found);

}  // namespace sapiens
