#include "messages.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace sapiens::cli {

void print_json(const Json& document) {
  fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

Json error_json(std::string_view code, const ErrorDetail& detail) {
  Json json = {{"code", code}, {"summary", detail.summary}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  add("file", detail.file);
  add("key", detail.key);
  add("expected", detail.expected);
  add("actual", detail.actual);
  add("hint", detail.hint);
  return json;
}

Json error_json(const Error& error) {
  return error_json(error_code_name(error.code()), error.detail());
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
  fmt::print(stderr, "{}\n", message);
}

}  // namespace sapiens::cli
