#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "engine/choose_model.hpp"
#include "engine/placeholders.hpp"
#include "model/detect.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"

namespace sapiens {

/// One place in a file where an encoder may be.
struct Candidate {
  EncoderNames names;
  DetectedModel model;
  Plan plan;
  Placeholders placeholders = {};

  FoundModel found() const {
    return {.family = std::string(family_name(names.scheme->family)),
            .verdict = plan.report.verdict,
            .required = plan.report.required,
            .bound = plan.report.bound,
            .width = placeholders.divided() ? 0 : model.found_width,
            .depth = model.found_depth};
  }
};

/// Reconciles the encoder at `names` with the file.
Candidate reconcile_encoder(const StateDict& dict, const NameIndex& index, EncoderNames names,
                            const ModelHints& options);

/// The encoders of a file, complete or not, one for each place.
struct FoundEncoders {
  std::vector<Candidate> candidates = {};
  std::size_t left_out = 0;  ///< Number of places that were not examined.
  int plans_made = 0;
};
FoundEncoders find_all_encoders(const StateDict& dict, const NameIndex& index,
                                const ModelHints& options, std::string_view prefix);

/// The result refers to `encoders`, which must outlive it.
std::vector<Contender> contenders_of(const FoundEncoders& encoders);

}  // namespace sapiens
