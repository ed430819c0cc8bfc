#include "messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace sapiens::cli {
namespace {

bool is_unprintable(char c) { return c == 0x7f || (0 <= c && c < ' ' && c != '\n' && c != '\t'); }

}  // namespace

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_json(const Json& document) {
  print(document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void report_error(const Error& error, bool json) {
  say(std::string("error") + error.what());  // what() begins with the code in brackets
  if (json) print_json({{"error", error_json(error)}});
}

void report_error(std::string_view code, const std::string& summary, bool json) {
  say(fmt::format("error[{}]: {}", code, summary));
  if (json) print_json({{"error", error_json(code, {.summary = summary})}});
}

void say(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  std::string line(message);
  std::replace_if(line.begin(), line.end(), is_unprintable, '?');
  line += '\n';
  std::fputs(line.c_str(), stderr);
}

}  // namespace sapiens::cli
