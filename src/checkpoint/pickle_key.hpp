#pragma once

#include <optional>
#include <string>

#include "checkpoint/pickle.hpp"

namespace sapiens {

/// A number of a pickle as text: "12", "0.5" or "true".
std::string number_text(const PickleNode& node);

struct PickleKey {
  std::string text;
  bool from_bytes = false;  ///< The key was bytes, not text.
};

/// The name that a dictionary key gives its value: text and bytes as they are, numbers as digits, a
/// tuple joined with dots, an enum member by its value. Returns nullopt for any other key, such as
/// a tensor.
std::optional<PickleKey> read_key(const PickleGraph& graph, NodeId node);

}  // namespace sapiens
