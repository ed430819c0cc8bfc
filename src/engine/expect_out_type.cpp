#include "engine/expect_out_type.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

bool has_out_type(const EncoderConfig& encoder, OutType out_type) {
  if (out_type == OutType::ClsToken) return encoder.cls_token;
  if (out_type == OutType::Registers) return encoder.registers > 0;
  return true;
}

}  // namespace

void expect_out_type(const EncoderConfig& encoder, OutType out_type) {
  if (has_out_type(encoder, out_type)) return;
  std::vector<std::string_view> names;
  for (const OutType one : kAllOutTypes) {
    if (has_out_type(encoder, one)) names.push_back(out_type_name(one));
  }
  const bool registers = out_type == OutType::Registers;
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = registers ? "this model has no registers" : "this model has no class token",
       .option = "out_type",
       .expected =
           fmt::format("{} or {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back()),
       .actual = std::string(out_type_name(out_type)),
       .hint =
           registers ? "only Sapiens2 encoders have them" : "only pretrained encoders have one"});
}

void expect_out_types(const EncoderConfig& encoder, std::span<const OutType> out_types) {
  const auto refuse = [](const char* summary, std::string actual) {
    throw Error(ErrorCode::InvalidArgument, {.summary = summary,
                                             .option = "out_type",
                                             .expected = "one or more forms, each once",
                                             .actual = std::move(actual)});
  };
  if (out_types.empty()) refuse("no form of features is asked for", "none");
  for (auto one = out_types.begin(); one != out_types.end(); ++one) {
    if (std::find(out_types.begin(), one, *one) != one) {
      refuse("a form of features is asked for twice", std::string(out_type_name(*one)));
    }
    expect_out_type(encoder, *one);
  }
}

}  // namespace sapiens
