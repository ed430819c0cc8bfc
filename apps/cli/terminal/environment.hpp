#pragma once

#include <span>

namespace sapiens::cli {

struct EnvironmentVariable {
  const char* names;
  const char* meaning;
  /// Who reads it: a command ("pull"), every command with an option ("--isa") or with a value of a
  /// type ("NAME"); empty where that is decided elsewhere.
  const char* concerns;
};

/// What the program reads from its environment.
std::span<const EnvironmentVariable> environment_variables() noexcept;

}  // namespace sapiens::cli
