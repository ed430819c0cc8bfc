#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/support.hpp"

// The JSON that describes the tensors of a file of torch.export.
namespace sapiens::test {
namespace {

using testing::HasSubstr;

constexpr std::string_view kTable =
    R"({"config": {"x": {"path_name": "weight_0", "is_param": true, "use_pickle": false,
        "tensor_meta": {"dtype": 7, "sizes": [{"as_int": 4}], "strides": [{"as_int": 1}],
                        "storage_offset": {"as_int": 0}, "layout": 7}}}})";

StateDict read(const std::string& table) {
  const std::vector<RawMember> members = {
      {.name = "m/data/weights/model_weights_config.json", .bytes = to_bytes(table)},
      {.name = "m/data/weights/weight_0", .bytes = Bytes(16)}};
  return parse(raw_zip(members));
}

TEST(ExportTable, ANumberThatIsNoIntegerOrTooLargeIsRefused) {
  ASSERT_EQ(read(std::string(kTable)).tensors.at(0).shape, std::vector<Index>{4});
  const std::pair<std::string_view, std::string_view> changes[] = {
      {"\"as_int\": 4", "\"as_int\": 3.5"},
      {"\"as_int\": 4", "\"as_int\": 1e308"},
      {"\"as_int\": 4", "\"as_int\": 18446744073709551615"},
      {"\"as_int\": 1", "\"as_int\": 1.5"},
      {"\"as_int\": 0", "\"as_int\": -0.5"},
      {"\"dtype\": 7", "\"dtype\": 7.25"},
      {"\"dtype\": 7", "\"dtype\": 4294967303"},
      {"\"layout\": 7", "\"layout\": 4294967303"},
      {"\"layout\": 7", "\"layout\": true"},
  };
  for (const auto& [from, to] : changes) {
    SCOPED_TRACE(to);
    std::string table(kTable);
    table.replace(table.find(from), from.size(), to);
    const auto error = error_of([&] { read(table); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
    EXPECT_THAT(error->what(), HasSubstr("no integer"));
  }
}

}  // namespace
}  // namespace sapiens::test
