#pragma once

#include <vector>

#include "checkpoint/state_dict.hpp"
#include "reconcile/changes.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"

namespace sapiens {

/// Groups the tensors that `used` does not mark in `plan.report.unused`, by why they are not used.
/// Records in `plan` which of them show that the file is another model: foreign parts, parts of a
/// head or decoder that are not known, more blocks than the model has.
void explain_leftovers(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
                       const Changes& changes, const std::vector<bool>& used, Plan& plan);

}  // namespace sapiens
