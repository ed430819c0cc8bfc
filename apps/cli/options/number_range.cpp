#include "cli/options/number_range.hpp"

#include <fmt/format.h>

#include <string>

namespace sapiens::cli {

CLI::Validator number_between(double least, double most) {
  CLI::Validator range = CLI::Range(least, most);
  range.operation([least, most](std::string& text) -> std::string {
    double number = 0;
    if (CLI::detail::lexical_cast(text, number) && least <= number && number <= most) return "";
    return fmt::format("`{}` is no number from {} to {}", text, least, most);
  });
  return range;
}

}  // namespace sapiens::cli
