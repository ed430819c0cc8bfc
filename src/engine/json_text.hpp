#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Writes a JSON document as text with an indentation of two spaces, without building a tree: the
/// destructors of nlohmann-json allocate, which would end the process when memory has run out.
class JsonText {
 public:
  template <typename Body>
  void object(Body&& members) {
    open('{');
    members();
    close('}');
  }

  template <typename Body>
  void array(Body&& elements) {
    open('[');
    elements();
    close(']');
  }

  /// The name of the value that follows.
  void key(std::string_view name);

  /// Bytes that are not UTF-8 become U+FFFD.
  void text(std::string_view value);
  void null() { raw("null"); }
  void flag(bool value) { raw(value ? "true" : "false"); }
  template <std::integral T>
  void number(T value) {
    raw(std::to_string(value));
  }
  void numbers(std::span<const Index> values);
  void texts(std::span<const std::string> values);

  std::string take() && { return std::move(out_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void raw(std::string_view value);
  void start_value();
  void new_line();

  std::string out_;
  std::size_t depth_ = 0;
  bool first_ = true;       // in the current object or array
  bool after_key_ = false;  // the next value follows its name
};

}  // namespace sapiens
