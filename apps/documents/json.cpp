#include "documents/json.hpp"

#include <sapiens/printable.hpp>
#include <string>

namespace sapiens::documents {

std::string json_text(const Json& document, int indent) {
  return printable_json(document.dump(indent, ' ', false, Json::error_handler_t::replace));
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

}  // namespace sapiens::documents
