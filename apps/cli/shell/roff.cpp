#include "cli/shell/roff.hpp"

namespace sapiens::cli {
namespace {

/// A bare `-` is a hyphen, `^` and `~` are accents, and `'` and `` ` `` are quotation marks, which
/// no shell takes.
std::string escaped(char c) {
  switch (c) {
    case '\\':
      return "\\e";
    case '-':
      return "\\-";
    case '^':
      return "\\(ha";
    case '~':
      return "\\(ti";
    case '\'':
      return "\\(aq";
    case '`':
      return "\\(ga";
    default:
      return {c};
  }
}

}  // namespace

std::string roff_text(std::string_view text) {
  std::string line;
  bool is_bold = false;
  for (const char c : text) {
    if (c == '`') {
      is_bold = !is_bold;
      line += is_bold ? "\\fB" : "\\fR";
    } else if (c == '\'' && !is_bold) {
      line += c;  // an apostrophe
    } else {
      line += escaped(c);
    }
  }
  if (is_bold) line += "\\fR";
  return roff_line(line);
}

std::string roff_code(std::string_view text) {
  std::string code;
  for (const char c : text) code += escaped(c);
  return code;
}

std::string roff_line(std::string line) {
  if (line.starts_with('.') || line.starts_with('\'')) line.insert(0, "\\&");
  return line;
}

}  // namespace sapiens::cli
