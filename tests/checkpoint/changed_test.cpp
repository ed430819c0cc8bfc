// A checkpoint that another program cuts short after it was opened: no value of it is given out.
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/stored_member.hpp"
#include "checkpoint/support.hpp"
#include "sapiens/error.hpp"
#include "sapiens/file_guard.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

TEST(ChangedCheckpoint, OfEveryFormatGivesNoValueOnceItIsCutShort) {
  guard_mapped_files();
  const Scratch folder;
  int tensors = 0;
  for (const auto& entry : fs::recursive_directory_iterator(test::fixture(""))) {
    const fs::path copy = folder.path() / "copy";
    if (!entry.is_regular_file()) continue;
    fs::copy_file(entry, copy, fs::copy_options::overwrite_existing);
    StateDict state;
    try {
      state = open_checkpoint(copy);
    } catch (const Error&) {
      continue;  // one of the damaged files
    }
    fs::resize_file(copy, fs::file_size(copy) / 2);
    SCOPED_TRACE(entry.path().string());
    for (const TensorEntry& tensor : state.tensors) {
      if (tensor.unreadable || tensor.numel() == 0 || tensor.numel() > 1 << 16) continue;
      SCOPED_TRACE(tensor.path());
      std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
      test::Bytes raw(values.size() * dtype_size(tensor.dtype));
      EXPECT_EQ(error_code_of([&] { read_f32(tensor, 0, values); }), ErrorCode::CorruptFile);
      EXPECT_EQ(error_code_of([&] { read_raw(tensor, 0, raw); }), ErrorCode::CorruptFile);
      ++tensors;
    }
  }
  EXPECT_GT(tensors, 100);
}

TEST(ChangedCheckpoint, IsNotComparedWithItsChecksums) {
  guard_mapped_files();
  const Scratch folder;
  const fs::path copy = folder.path() / "copy.pth";
  fs::copy_file(fs::path(SAPIENS_TEST_DATA) / "../../models/tiny/sapiens_tiny_pretrain_clean.pth",
                copy);
  const StateDict state = open_checkpoint(copy);
  fs::resize_file(copy, fs::file_size(copy) / 2);
  int members = 0;
  for (const TensorEntry& tensor : state.tensors) {
    if (!tensor.member) continue;
    EXPECT_EQ(error_code_of([&] { tensor.member->is_intact(); }), ErrorCode::CorruptFile);
    ++members;
  }
  EXPECT_GT(members, 50);
}

}  // namespace
}  // namespace sapiens
