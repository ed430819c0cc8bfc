#pragma once

#include <optional>
#include <string>

#include "checkpoint/pickle.hpp"

namespace sapiens {

/// "12", "0.5", "true": a number of a pickle as text.
std::string number_text(const PickleNode& node);

struct PickleKey {
  std::string text;
  bool from_bytes = false;  ///< The key was bytes, not text.
};

/// The name that a key of a dictionary gives its value: text and bytes as they are, numbers as
/// digits, a tuple joined with dots, a member of an enumeration by its value. Nothing for a key
/// that is none of these, such as a tensor.
std::optional<PickleKey> read_key(const PickleGraph& graph, NodeId node);

}  // namespace sapiens
