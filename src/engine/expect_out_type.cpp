#include "engine/expect_out_type.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
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

}  // namespace sapiens
