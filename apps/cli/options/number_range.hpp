#pragma once

#include <CLI/CLI.hpp>

namespace sapiens::cli {

/// CLI::Range, which lets NaN pass, for numbers that are not whole.
CLI::Validator number_between(double least, double most);

}  // namespace sapiens::cli
