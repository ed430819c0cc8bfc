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

// What safetensors 0.8.0 takes, found by trying: these are no damage.
TEST(Safetensors, TakesWhatTheReferenceTakes) {
  const std::string x = R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const auto with_field = [](const std::string& field) {
    return R"({"x":{"dtype":"F32",)" + field + R"(,"shape":[1],"data_offsets":[0,4]}})";
  };
  const std::string cases[] = {
      R"({"__metadata__":null,)" + x + "}",
      "{" + x + R"(,"__metadata__":null})",
      R"({"__metadata__":{},)" + x + "}",
      R"({"__metadata__":{"a":"1","a":"2"},)" + x + "}",
      "\n\t {" + x + "}",
      "{" + x + "} \r\n",
      with_field(R"("crc32":"0")"),
      with_field(R"("z":-1.5e3)"),
      with_field(R"("z":99999999999999999999999999)"),
      with_field(R"("z":null)"),
      with_field(R"("z":true)"),
      with_field(R"("z":1,"z":2)"),
      with_field(R"("z":[[],[1,{"a":null}]])"),
      with_field(R"("z":{"dtype":"F16","shape":[7],"data_offsets":[4,8],"z":{}})"),
      with_field("\"z\":" + std::string(100, '[') + std::string(100, ']')),
  };
  for (const std::string& header : cases) {
    const StateDict state = parse_header(header, 4);
    ASSERT_EQ(state.tensors.size(), 1u) << header;
    EXPECT_EQ(state.tensors[0].dtype, DType::F32) << header;
    EXPECT_EQ(state.tensors[0].numel(), 1) << header;
  }
  EXPECT_EQ(parse_header(cases[3], 4).metadata.at("a"), "2");
}

TEST(Safetensors, CountsAndNamesTheFieldsItPassesOver) {
  const StateDict state =
      parse_header(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"crc32":"0","q":{}},)"
                   R"("y":{"crc32":[1],"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                   8);
  EXPECT_EQ(state.tensors.size(), 2u);
  ASSERT_EQ(state.notes.size(), 2u);
  EXPECT_THAT(state.notes[0], HasSubstr("\"crc32\" of 2 tensors"));
  EXPECT_THAT(state.notes[1], HasSubstr("\"q\" of 1 tensor "));
}

// Broken rules are not called damage, which a second download would mend.
TEST(Safetensors, CallsDamagedOnlyWhatIsNoJson) {
  const auto summary = [](std::string_view header) {
    return error_of([&] { parse_header(header, 4); }).value().detail().summary;
  };
  EXPECT_THAT(summary(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})"),
              HasSubstr("damaged"));
  EXPECT_THAT(summary(std::string_view("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],"
                                       "\"data_offsets\":[0,4]}}\0\0",
                                       56)),
              HasSubstr("damaged"));
  EXPECT_THAT(summary(R"({"__metadata__":{"a":null}})"), HasSubstr("violates the format"));
  EXPECT_THAT(summary(R"({"x":null})"), HasSubstr("violates the format"));
}

TEST(SafetensorsAlias, IsANoteThatLeadsStraightToATensor) {
  const auto aliases = [](const std::string& metadata) {
    const StateDict state =
        parse_header(R"({"__metadata__":)" + metadata +
                         R"(,"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                         R"("y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                     12);
    std::map<std::string, std::string> names;
    for (const auto& [name, tensor] : state.aliases) names[name] = state.tensors[tensor].key;
    return names;
  };
  using Names = std::map<std::string, std::string>;
  EXPECT_EQ(aliases(R"({"format":"pt"})"), Names{});
  EXPECT_EQ(aliases(R"({"format":"pt","z":"y","w":"y"})"), (Names{{"w", "y"}, {"z", "y"}}));
  EXPECT_EQ(aliases(R"({"x":"y"})"), Names{});                      // x is in the file
  EXPECT_EQ(aliases(R"({"a":"b","b":"x"})"), (Names{{"b", "x"}}));  // no chains
  EXPECT_EQ(aliases(R"({"a":"b","b":"a","c":"c"})"), Names{});      // nor loops
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
  EXPECT_THAT(error->detail().summary, HasSubstr("too long"));
}

TEST(Safetensors, SurvivesDeepNesting) {
  const std::string deep = "{\"x\":" + std::string(1'000'000, '[');
  EXPECT_TRUE(error_of([&] { parse_header(deep, 0); }));
}

}  // namespace
}  // namespace sapiens
