#pragma once

#include <map>
#include <optional>
#include <sapiens/results.hpp>
#include <sapiens/tensor_view.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "serve/operations.hpp"

namespace sapiens::serve {

/// What a request says beside its image: every name is one of the operation's, once, and every
/// value of its kind. Throws HttpError 400 otherwise.
class Fields {
 public:
  explicit Fields(const Operation& operation) : operation_(operation) {}

  void add(const std::string& name, const std::string& value);

  /// The value that was given, else the initial one.
  std::string text(std::string_view name) const;
  bool flag(std::string_view name) const { return text(name) == "true"; }
  Index whole(std::string_view name) const;
  std::vector<Box> boxes(std::string_view name) const;

 private:
  const Operation& operation_;
  std::map<std::string, std::string> given_;
};

}  // namespace sapiens::serve
