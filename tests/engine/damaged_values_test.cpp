// Damage inside of weights: whoever loads them is told, and `verify_checkpoint` finds all of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/zip.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/tensors.hpp"
#include "sapiens/verify.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class DamagedValues : public testing::Test {
 protected:
  // The golden file with a hole in tensor `key`.
  std::filesystem::path damaged(const std::string& source, const std::string& key) {
    const std::filesystem::path original = golden_.file(source);
    const StateDict dict = open_checkpoint(original);
    std::string bytes = read_file(original);
    for (const TensorEntry& tensor : dict.tensors) {
      if (tensor.path() != key) continue;
      const std::byte* const begin = dict.archives.front()->file().bytes.data();
      const std::size_t size = static_cast<std::size_t>(tensor.numel()) * dtype_size(tensor.dtype);
      bytes.replace(static_cast<std::size_t>(tensor.data - begin), size, size, '\x7f');
    }
    const std::filesystem::path path = scratch_ / ("damaged_" + source);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  Error error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorCode::Internal, {.summary = "nothing was refused"});
  }

  Golden golden_{"names"};
  Scratch scratch_;
  const std::string key_ = "layers.1.ffn.layers.1.weight";
};

TEST_F(DamagedValues, AreRefusedByEverythingThatLoadsThem) {
  const Checkpoint file = Checkpoint::open(damaged("plain.pth", key_));
  const std::function<void()> loaders[] = {
      [&] { Encoder model(file, golden_.options()); },
      [&] { convert_checkpoint(file, scratch_ / "out.pth", {.model = golden_.options()}); },
      [&] { convert_checkpoint(file, scratch_ / "out.safetensors", {.model = golden_.options()}); },
      [&] { convert_in_memory(file, {.model = golden_.options()}); }};
  for (const auto& load : loaders) {
    const Error error = error_of(load);
    EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
    EXPECT_THAT(error.detail().file, HasSubstr("damaged_plain.pth"));
    EXPECT_EQ(error.detail().key, key_);
    EXPECT_THAT(error.detail().expected, HasSubstr("/data/"));
    EXPECT_THAT(error.detail().hint, HasSubstr("download it again"));
  }
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out.pth"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out.safetensors"));
}

TEST_F(DamagedValues, AreNotReadByInspectWhichSaysSo) {
  const Checkpoint file = Checkpoint::open(damaged("plain.pth", key_));
  const Inspection inspection = file.inspect(golden_.options());
  EXPECT_TRUE(is_usable(inspection.report.verdict));
  EXPECT_THAT(inspection.text(), HasSubstr("values were not checked: `verify_checkpoint`"));
  EXPECT_THAT(inspection.json(), HasSubstr("values were not checked: `verify_checkpoint`"));
}

TEST_F(DamagedValues, AreFoundByVerify) {
  const Checkpoint file = Checkpoint::open(damaged("plain.pth", key_));
  const Verification verification = verify_checkpoint(file);
  EXPECT_TRUE(verification.ran);
  EXPECT_EQ(verification.checksum, "CRC-32");
  ASSERT_EQ(verification.damaged.size(), 1u);
  EXPECT_EQ(verification.damaged[0].tensors, key_);
  EXPECT_THAT(verification.damaged[0].name, HasSubstr("/data/"));
  EXPECT_THAT(verification.damaged[0].expected, HasSubstr("CRC-32 "));
  EXPECT_NE(verification.damaged[0].expected, verification.damaged[0].actual);
  const std::string text = inspect_verified(file, golden_.options(), verification).text();
  EXPECT_THAT(text, HasSubstr("DAMAGED: 1 of the checksums"));
  EXPECT_THAT(text, HasSubstr("(" + key_ + ")"));
  EXPECT_THAT(text, Not(HasSubstr("not checked")));
}

TEST_F(DamagedValues, IntactFilesAreReportedAsIntact) {
  const Checkpoint file = Checkpoint::open(golden_.file("plain.pth"));
  const Verification verification = verify_checkpoint(file);
  EXPECT_TRUE(verification.ran);
  EXPECT_TRUE(verification.intact());
  EXPECT_GT(verification.members, 20u);
  EXPECT_EQ(verification.unguarded, 0u);
  EXPECT_THAT(inspect_verified(file, golden_.options(), verification).text(),
              HasSubstr("values match the checksums of"));
  // The same file knows it from now on.
  EXPECT_TRUE(checksums_of(file).ran);
}

// The tensor is not needed, so features are right, and verify reports the damage.
TEST_F(DamagedValues, DamageInAnUnusedTensorDoesNotStopLoading) {
  const Checkpoint file = Checkpoint::open(damaged("extra_key.pth", "mystery.weight"));
  Encoder model(file, golden_.options(), exact());
  Encoder whole(Checkpoint::open(golden_.file("plain.pth")), golden_.options(), exact());
  const FloatArray input = golden_.array("input");
  EXPECT_EQ(model.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers.at(0).values.values,
            whole.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers.at(0).values.values);
  const Verification verification = verify_checkpoint(file);
  ASSERT_EQ(verification.damaged.size(), 1u);
  EXPECT_EQ(verification.damaged[0].tensors, "mystery.weight");
}

TEST_F(DamagedValues, SafetensorsCannotBeCheckedAndTheReportSaysSo) {
  const Checkpoint file = Checkpoint::open(golden_.file("plain_f32.safetensors"));
  const Verification verification = verify_checkpoint(file);
  EXPECT_TRUE(verification.intact());
  EXPECT_EQ(verification.checksum, "");
  EXPECT_EQ(verification.members, 0u);
  EXPECT_THAT(inspect_verified(file, golden_.options(), verification).text(),
              HasSubstr("no checksums in this file"));
}

// Compressed members of TorchScript are code; they are left out, counted and named.
TEST_F(DamagedValues, VerifyNamesWhatItCannotCompare) {
  const std::filesystem::path script =
      std::filesystem::path(SAPIENS_TEST_DATA) / "checkpoints" / "script_113.pt";
  const Checkpoint file = Checkpoint::open(script);
  const Verification verification = verify_checkpoint(file);
  EXPECT_TRUE(verification.intact());
  EXPECT_THAT(verification.not_compared, Contains(HasSubstr("/code/__torch__.py")));
  EXPECT_THAT(inspect_verified(file, {}, verification).text(), HasSubstr("not compared"));
}

}  // namespace
}  // namespace sapiens
