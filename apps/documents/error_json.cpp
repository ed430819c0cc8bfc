#include "documents/error_json.hpp"

#include <string>

namespace sapiens::documents {

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
