// `inspect --verify`, and what damaged values do to the other commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;
using testing::Not;

class Verify : public testing::Test {
 protected:
  void SetUp() override { make_checkpoint(checkpoint_); }

  // A copy in which the middle of the file, which is weights, is zeros.
  std::string with_hole() {
    std::string bytes = read_bytes(checkpoint_);
    bytes.replace(bytes.size() / 2, 64, 64, '\0');
    write_bytes(damaged_, bytes);
    return damaged_;
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string damaged_ = scratch_ / "damaged.pth";
};

TEST_F(Verify, SaysWhatWasComparedAndWhatWasNot) {
  const Finished lazy = run_sapiens({"inspect", checkpoint_});
  EXPECT_THAT(lazy.out, HasSubstr("values were not checked: sapiens inspect --verify compares"));
  const Finished before = run_sapiens({"inspect", checkpoint_, "--json"});
  EXPECT_THAT(before.out, HasSubstr("values were not checked: sapiens inspect --verify compares"));
  EXPECT_FALSE(before.json().contains("verification"));

  const Finished text = run_sapiens({"inspect", checkpoint_, "--verify"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("values match the checksums of"));
  EXPECT_THAT(text.out, Not(HasSubstr("not checked")));
  const Json after =
      run_sapiens({"inspect", checkpoint_, "--verify", "--json"}).json()["verification"];
  EXPECT_EQ(after["values_checked"], true);
  EXPECT_GT(after["members"], 10);
  EXPECT_EQ(after["tensors_without_checksum"], 0);
  EXPECT_TRUE(after["damaged"].empty());
}

TEST_F(Verify, FindsAHole) {
  EXPECT_EQ(run_sapiens({"inspect", with_hole()}).code, 0);  // which reads no values
  const Finished text = run_sapiens({"inspect", damaged_, "--verify"});
  EXPECT_EQ(text.code, 4);
  EXPECT_THAT(text.out, HasSubstr("DAMAGED: 1 of the checksums"));
  const Finished json = run_sapiens({"inspect", damaged_, "--verify", "--json"});
  EXPECT_EQ(json.code, 4);
  const Json damaged = json.json()["verification"]["damaged"];
  ASSERT_EQ(damaged.size(), 1u);
  EXPECT_THAT(damaged[0]["member"], HasSubstr("archive/data/"));
  EXPECT_FALSE(damaged[0]["tensors"].get<std::string>().empty());
}

TEST_F(Verify, SafetensorsHaveNothingToCompare) {
  const std::string file = scratch_ / "tiny.safetensors";
  make_checkpoint(file);
  const Finished text = run_sapiens({"inspect", file, "--verify"});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr("no checksums in this file"));
  const Json json = run_sapiens({"inspect", file, "--verify", "--json"}).json()["verification"];
  EXPECT_EQ(json["values_checked"], false);
  EXPECT_TRUE(json["checksum"].is_null());
}

TEST_F(Verify, CommandsThatLoadAHoleExitWithFourAndWriteNothing) {
  with_hole();
  const Finished convert = run_sapiens({"convert", damaged_, scratch_ / "out.safetensors"});
  EXPECT_EQ(convert.code, 4) << convert.err;
  EXPECT_THAT(convert.err, HasSubstr("checksum does not match"));
  EXPECT_THAT(convert.err, HasSubstr("archive/data/"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out.safetensors"));
}

}  // namespace
}  // namespace sapiens
