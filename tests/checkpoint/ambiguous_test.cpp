// Files that two readers would give different values, and files whose tensors are far larger than
// the file. tests/security runs the program on complete files of these kinds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::error_of;
using test::parse;
using test::pickled_dict;
using test::pickled_tensor;
using test::torch_zip;
using ::testing::HasSubstr;

TensorEntry read_one(const std::string& tensor) {
  const Bytes file = torch_zip(pickled_dict("w", tensor) + ".");
  return parse(file).tensors.at(0);
}

/// pickled_tensor() in other storages, or with another number of equal elements.
std::string expanded_tensor(const std::string& count) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n"
         "I16\ntQI0\n(I" +
         count + "\nt(I0\ntI00\nccollections\nOrderedDict\n(tRtR";
}

std::optional<Error> error_for(const std::string& pickle) {
  return error_of([&] { parse(torch_zip(pickle)); });
}

TEST(TensorElements, MakeTheTensorUnreadableWhereTheFileAssignsThem) {
  EXPECT_FALSE(read_one(pickled_tensor()).unreadable);
  for (const std::string change :
       {"I0\nF7.0\ns", "(I0\nF7.0\nI1\nF7.0\nu", "I0\na", "(I0\nI1\ne"}) {
    const TensorEntry tensor = read_one(pickled_tensor() + change);
    ASSERT_TRUE(tensor.unreadable) << change;
    EXPECT_THAT(tensor.unreadable->reason, HasSubstr("assigns")) << change;
  }
}

TEST(TensorElements, AreFoundUnderAnyNumberOfWrappers) {
  std::string tensor = pickled_tensor() + "I0\nF7.0\ns";
  for (int wrappers = 1; wrappers <= 10; ++wrappers) {
    tensor = "ctorch._utils\n_rebuild_parameter\n(" + tensor + "I00\nNtR";
    EXPECT_TRUE(read_one(tensor).unreadable) << wrappers;
  }
}

TEST(StorageOfTwoTypes, IsRefused) {
  const std::string half = pickled_tensor("HalfStorage"), ints = pickled_tensor("IntStorage");
  for (const std::string& other : {half, ints}) {
    const auto error = error_for("}S'a'\n" + pickled_tensor() + "sS'b'\n" + other + "s.");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
    EXPECT_THAT(error->what(), HasSubstr("a storage has two types"));
  }
  EXPECT_FALSE(error_for("}S'a'\n" + half + "sS'b'\n" + half + "s."));
}

TEST(RepeatedKey, IsRefusedWhereAValueHoldsATensor) {
  const std::string a = "S'a'\n" + pickled_tensor() + "s";
  const std::string inner = "S'd'\n" + pickled_dict("x", pickled_tensor()) + "s";
  for (const std::string& pairs :
       {a + "S'a'\nI3\ns", "S'a'\nNs" + a, inner + "S'd'\n" + pickled_dict("y", "I1\n") + "s",
        a + "V\\u0061\nI3\ns"}) {
    const auto error = error_for("}" + pairs + ".");
    ASSERT_TRUE(error) << pairs;
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
    EXPECT_THAT(error->what(), HasSubstr("a dictionary holds a key twice"));
    EXPECT_TRUE(error_for("ccollections\nOrderedDict\n(tR" + pairs + ".")) << pairs;
  }
}

TEST(RepeatedKey, IsOnlyOneOfTheSameKind) {
  const std::string one = "S'1'\n" + pickled_tensor() + "s";
  EXPECT_FALSE(error_for("}" + one + "I1\nI3\ns."));  // a number and a text
  EXPECT_FALSE(error_for("}" + one +
                         "C\x01"
                         "1I3\ns."));                              // bytes and a text
  EXPECT_FALSE(error_for("}" + one + "S'x'\nI3\nsS'x'\nI4\ns."));  // no tensor is concerned
}

TEST(MultipliedTensors, AreRefusedBeyondSixteenTimesTheFile) {
  // 64 MiB, which a file of up to 4 MiB may become.
  EXPECT_FALSE(error_for(pickled_dict("w", expanded_tensor("16777216")) + "."));
  for (const std::string count : {"16777217", "1099511627776"}) {
    const auto error = error_for(pickled_dict("w", expanded_tensor(count)) + ".");
    ASSERT_TRUE(error) << count;
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
    EXPECT_THAT(error->what(), HasSubstr("repeat the bytes of the file"));
    EXPECT_THAT(error->what(), HasSubstr("67108864 bytes"));
  }
  std::string many = "}";
  for (int i = 0; i < 17; ++i) {
    many += "I" + std::to_string(i) + "\n" + expanded_tensor("1048576") + "s";
  }
  EXPECT_TRUE(error_for(many + "."));
}

TEST(ZipFlags, OfOtherKindsOfArchivesAreRefused) {
  const std::string pickle = pickled_dict("w", pickled_tensor()) + ".";
  for (const int bit : {4, 5, 6, 7, 8, 12, 13, 15}) {
    Bytes file = torch_zip(pickle);
    const std::size_t byte = bit / 8;
    const auto flag = static_cast<std::byte>(1 << bit % 8);
    file[test::local_header(file, "archive/data.pkl") + 6 + byte] |= flag;
    file[test::directory_entry(file, "archive/data.pkl") + 8 + byte] |= flag;
    const auto error = error_of([&] { parse(file); });
    ASSERT_TRUE(error) << bit;
    EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat);
    EXPECT_THAT(error->what(), HasSubstr("unknown flags"));
  }
}

}  // namespace
}  // namespace sapiens
