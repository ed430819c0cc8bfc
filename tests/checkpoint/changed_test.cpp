// A checkpoint that another program changes while or after it is opened: no value of it is given
// out, and no reader relies on finding what it found before.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/stored_member.hpp"
#include "checkpoint/support.hpp"
#include "sapiens/error.hpp"
#include "sapiens/file_guard.hpp"
#include "support/changing_file.hpp"
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

// SAPIENS_TEST_ROUNDS=10 opens every file ten times as often.
TEST(ChangedCheckpoint, OfEveryFormatIsReadOrRefusedWhileItChanges) {
  guard_mapped_files();
  const Scratch folder;
  const char* const rounds = std::getenv("SAPIENS_TEST_ROUNDS");
  const int opened = 500 * (rounds != nullptr ? std::atoi(rounds) : 1);
  for (const char* const name : {"zip_new.pth", "legacy_113.pth", "script_113.pt", "export_23.pt2",
                                 "export_new.pt2", "all.safetensors", "training.pth", "module.pth",
                                 "stress/stress.pth", "stress/stress_legacy.pth"}) {
    SCOPED_TRACE(name);
    const ChangingFile file(test::fixture(name), folder / "changing");
    for (int i = 0; i < opened; ++i) {
      try {
        const StateDict state = open_checkpoint(folder / "changing");
        for (const TensorEntry& tensor : state.tensors) {
          if (tensor.unreadable || tensor.numel() > 1 << 16) continue;
          test::Bytes raw(static_cast<std::size_t>(tensor.numel()) * dtype_size(tensor.dtype));
          read_raw(tensor, 0, raw);
        }
      } catch (const Error& error) {
        EXPECT_FALSE(error.detail().summary.empty());
      }
    }
  }
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
