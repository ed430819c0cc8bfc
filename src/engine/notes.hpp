#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "model/detect.hpp"
#include "reconcile/names.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

// The notes of a report: facts that a user should know. Options are named as in
// sapiens/option_names.hpp.

/// Notes on the file.
std::vector<std::string> file_notes(const StateDict& dict);

/// The notes on the file, and those on the outputs of `model`.
std::vector<std::string> model_notes(const StateDict& dict, const DetectedModel& model);

/// Notes on the other models of a file. `left_out` is the number of places that were not examined.
std::vector<std::string> notes_on_others(const NameIndex& index, std::size_t left_out,
                                         std::span<const FoundModel> found);

}  // namespace sapiens
