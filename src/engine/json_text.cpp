#include "engine/json_text.hpp"

#include <nlohmann/json.hpp>

namespace sapiens {

void JsonText::key(std::string_view name) {
  text(name);
  out_ += ": ";
  after_key_ = true;
}

void JsonText::text(std::string_view value) {
  using Json = nlohmann::json;
  // A tree of one text, whose destructor does not allocate.
  raw(Json(value).dump(-1, ' ', false, Json::error_handler_t::replace));
}

void JsonText::numbers(std::span<const Index> values) {
  array([&] {
    for (const Index value : values) number(value);
  });
}

void JsonText::texts(std::span<const std::string> values) {
  array([&] {
    for (const std::string& value : values) text(value);
  });
}

void JsonText::open(char bracket) {
  start_value();
  out_ += bracket;
  ++depth_;
  first_ = true;
}

void JsonText::close(char bracket) {
  --depth_;
  if (!first_) new_line();
  out_ += bracket;
  first_ = false;
}

void JsonText::raw(std::string_view value) {
  start_value();
  out_ += value;
  first_ = false;
}

void JsonText::start_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (depth_ == 0) return;
  if (!first_) out_ += ',';
  new_line();
}

void JsonText::new_line() {
  out_ += '\n';
  out_.append(2 * depth_, ' ');
}

}  // namespace sapiens
