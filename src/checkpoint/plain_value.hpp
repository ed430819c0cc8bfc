#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A value that every Python has: text, a number, a list or a dictionary.
struct PlainValue {
  using List = std::vector<PlainValue>;
  using Dict = std::vector<std::pair<PlainValue, PlainValue>>;

  std::variant<std::string, Index, double, List, Dict> value = {};

  bool operator==(const PlainValue&) const = default;
};

}  // namespace sapiens
