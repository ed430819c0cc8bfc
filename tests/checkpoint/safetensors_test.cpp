#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/byte_writer.hpp"
#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using test::error_of;
using test::parse;
using ::testing::HasSubstr;

StateDict parse_header(std::string_view header, std::size_t data_bytes) {
  ByteWriter file;
  file.u64(header.size());
  file.text(header);
  file.fill(data_bytes, '\0');
  return parse(file.bytes());
}

TEST(Safetensors, ReadsTensorsAndNotes) {
  const StateDict state = parse_header(
      R"({"__metadata__":{"a":"b"},"y":{"dtype":"F16","shape":[2,2],"data_offsets":[4,12]},)"
      R"("x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )",
      12);
  ASSERT_EQ(state.tensors.size(), 2u);
  EXPECT_EQ(state.tensors[0].key, "y");
  EXPECT_EQ(state.tensors[0].dtype, DType::F16);
  EXPECT_EQ(state.tensors[1].numel(), 1);
  EXPECT_EQ(state.metadata.at("a"), "b");
}

TEST(Safetensors, RefusesHeadersThatBreakTheFormat) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})", "no valid JSON"},
      {R"({"x":{"dtype":"F32","shape":[1]}})", "missing"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "missing"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", "more than two"},
      {R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "negative"},
      {R"({"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", "not an integer"},
      {R"({"x":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}})", "integer"},
      {R"({"x":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", "large"},
      {R"({"x":{"dtype":null,"shape":[1],"data_offsets":[0,4]}})", "null"},
      {R"({"x":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "list"},
      {R"({"x":{"dtype":"F32","shape":{},"data_offsets":[0,4]}})", "nested"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"z":1}})", "unknown field"},
      {R"({"x":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}})", "twice"},
      {R"({"__metadata__":{"a":1}})", "number"},
      {R"({"x":5})", "number"},
      {"{\"\xff\":{}}", "JSON"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
       R"("x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "twice"}};
  for (const auto& [header, problem] : cases) {
    const auto error = error_of([&, text = header] { parse_header(text, 4); });
    ASSERT_TRUE(error) << header;
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile) << header;
    EXPECT_THAT(error->detail().actual, HasSubstr(problem)) << header;
  }
}

TEST(Safetensors, RefusesRangesThatDoNotFillTheFile) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "hole"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "before it begins"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", "do not agree"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "goes on"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "overlaps"},
      {R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})",
       "do not agree"}};
  for (const auto& [header, problem] : cases) {
    const auto error = error_of([&, text = header] { parse_header(text, 8); });
    ASSERT_TRUE(error) << header;
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile) << header;
    EXPECT_THAT(error->detail().summary, HasSubstr(problem)) << header;
  }
}

TEST(Safetensors, SaysExactlyHowMuchIsMissing) {
  const auto error = error_of([] {
    parse_header(R"({"x":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}})", 2500);
  });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->detail().actual, HasSubstr("1500 are missing"));
}

TEST(Safetensors, RefusesAHeaderLongerThanTheFormatAllows) {
  const std::string_view start("\0\0\0\0\0\0\0\x10{\"a", 11);
  const auto error = error_of([&] { parse(start); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
  EXPECT_THAT(error->detail().summary, HasSubstr("impossibly long"));
}

TEST(Safetensors, SurvivesDeepNesting) {
  const std::string deep = "{\"x\":" + std::string(1'000'000, '[');
  EXPECT_TRUE(error_of([&] { parse_header(deep, 0); }));
}

}  // namespace
}  // namespace sapiens
