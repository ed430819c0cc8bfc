// A checkpoint that another program changes while or after it is opened: no value of it is given
// out, and no reader relies on finding what it found before.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
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

/// The bytes of every small tensor of a file, by its name.
std::map<std::string, test::Bytes> values_of(const fs::path& path) {
  std::map<std::string, test::Bytes> values;
  const StateDict state = open_checkpoint(path);
  for (const TensorEntry& tensor : state.tensors) {
    if (tensor.unreadable || tensor.numel() > 1 << 16) continue;
    test::Bytes raw(static_cast<std::size_t>(tensor.numel()) * dtype_size(tensor.dtype));
    read_raw(tensor, 0, raw);
    values[tensor.path()] = std::move(raw);
  }
  return values;
}

// SAPIENS_TEST_ROUNDS=10 opens every file ten times as often.
TEST(ChangedCheckpoint, OfEveryFormatIsReadOrRefusedWhileItChanges) {
  guard_mapped_files();
  const Scratch folder;
  const char* const rounds = std::getenv("SAPIENS_TEST_ROUNDS");
  const int opened = 500 * (rounds != nullptr ? std::atoi(rounds) : 1);
  int read = 0, as_it_was = 0;
  std::map<ErrorCode, int> refused;
  for (const char* const name : {"zip_new.pth", "legacy_113.pth", "script_113.pt", "export_23.pt2",
                                 "export_new.pt2", "all.safetensors", "training.pth", "module.pth",
                                 "stress/stress.pth", "stress/stress_legacy.pth"}) {
    SCOPED_TRACE(name);
    const auto original = values_of(test::fixture(name));
    const ChangingFile file(test::fixture(name), folder / "changing");
    for (int i = 0; i < opened; ++i) {
      try {
        const auto values = values_of(folder / "changing");
        as_it_was += values == original;
        ++read;
      } catch (const Error& error) {
        ++refused[error.code()];
      }
    }
  }
  // What is read may be a version that was damaged before, without a checksum that tells.
  std::printf("read %d, as it was %d, refused %d\n", read, as_it_was,
              refused[ErrorCode::CorruptFile]);
  EXPECT_GT(as_it_was, 0);
  EXPECT_GT(refused[ErrorCode::CorruptFile], 0);
  for (const auto& [code, count] : refused) {
    EXPECT_TRUE(code == ErrorCode::CorruptFile || code == ErrorCode::UnsupportedFormat)
        << static_cast<int>(code) << ": " << count;
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
