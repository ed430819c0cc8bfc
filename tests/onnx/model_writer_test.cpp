// What lies in the folder of a graph when writing it succeeds, fails or is refused.
#include "onnx/model_writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/atomic_file.hpp"
#include "core/failing_calls.hpp"
#include "onnx/module.hpp"
#include "sapiens/error.hpp"
#include "sapiens/onnx.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kOneFile = onnx::kMaxSingleFile;
constexpr std::uint64_t kTwoFiles = 0;

class OnnxFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!onnx_available(&why)) GTEST_SKIP() << why;
    fs::create_directory(folder_);
  }

  // Writes a graph of one weight of `numel` numbers, whose bytes are all `value`.
  onnx::WrittenFiles write(std::uint64_t max_single_file, char value = 1, Index numel = 1250) {
    const std::unique_ptr<onnx::RawModel> model(onnx::require_module("graph").create());
    EXPECT_TRUE(model->set_header("test", "1", "graph", "", 8));
    const TensorSource weight{
        .key = "weight", .shape = {numel}, .read = [&](Index, std::span<std::byte> out) {
          largest_piece_ = std::max(largest_piece_, out.size());
          std::ranges::fill(out, static_cast<std::byte>(value));
        }};
    return onnx::write_model(path_, *model, {&weight, 1}, {}, max_single_file);
  }

  ErrorCode refusal(std::uint64_t max_single_file) {
    return error_code_of([&] { write(max_single_file, 2); });
  }

  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }

  Scratch scratch_;
  const fs::path folder_ = scratch_ / "folder";
  const fs::path path_ = folder_ / "a.onnx";
  const fs::path data_ = folder_ / "a.onnx.data";
  std::size_t largest_piece_ = 0;
};
using Names = std::set<std::string>;

TEST_F(OnnxFiles, AreOneUpToALimitAndTwoBeyond) {
  const onnx::WrittenFiles one = write(kOneFile);
  EXPECT_EQ(one.paths, std::vector{path_});
  EXPECT_EQ(one.bytes, fs::file_size(path_));
  EXPECT_EQ(names(), Names{"a.onnx"});
  const onnx::WrittenFiles two = write(kTwoFiles);
  EXPECT_EQ(two.paths, (std::vector{path_, data_}));
  EXPECT_EQ(two.bytes, fs::file_size(path_) + fs::file_size(data_));
  EXPECT_EQ(names(), (Names{"a.onnx", "a.onnx.data"}));
  EXPECT_EQ(read_bytes(data_), std::string(5000, 1));
}

TEST_F(OnnxFiles, AreReplacedAndWeightsOfAnEarlierGraphAreToldOf) {
  write(kTwoFiles, 1);
  EXPECT_FALSE(write(kTwoFiles, 3).other_data);
  EXPECT_EQ(read_bytes(data_), std::string(5000, 3));
  EXPECT_TRUE(write(kOneFile, 4).other_data);
  EXPECT_EQ(read_bytes(data_), std::string(5000, 3));
  fs::remove(data_);
  EXPECT_FALSE(write(kOneFile, 4).other_data);
}

TEST_F(OnnxFiles, AnEarlierGraphStaysAsItWasWhenTheDiskIsFull) {
  for (const std::uint64_t limit : {kOneFile, kTwoFiles}) {
    for (const char* call : {"write", "fsync"}) {
      SCOPED_TRACE(testing::Message() << limit << " " << call);
      write(limit, 1);
      const Names before = names();
      const std::string graph = read_bytes(path_), data = read_bytes(data_);
      {
        const FailingCalls full(call, ENOSPC, 1000);
        EXPECT_EQ(refusal(limit), ErrorCode::OutOfResources);
      }
      EXPECT_EQ(names(), before);
      EXPECT_TRUE(read_bytes(path_) == graph && read_bytes(data_) == data);
      fs::remove(path_);
      fs::remove(data_);
    }
  }
}

TEST_F(OnnxFiles, NoGraphIsLeftBesideWeightsOfAnother) {
  write(kTwoFiles, 1);
  const FailingCalls failing("rename", EIO, 1000);
  EXPECT_EQ(refusal(kTwoFiles), ErrorCode::WriteFailed);
  EXPECT_EQ(names(), Names{"a.onnx.data"});
}

TEST_F(OnnxFiles, NothingIsLeftWhereThereWasNothing) {
  for (const std::uint64_t limit : {kOneFile, kTwoFiles}) {
    for (const char* call : {"open", "write", "fsync", "rename"}) {
      {
        const FailingCalls failing(call, EIO, 1000);
        EXPECT_EQ(refusal(limit), ErrorCode::WriteFailed) << call;
      }
      EXPECT_EQ(names(), Names{}) << call;
    }
  }
}

TEST_F(OnnxFiles, ASecondWriterIsRefused) {
  {
    const AtomicFile first(path_);
    EXPECT_EQ(refusal(kOneFile), ErrorCode::WriteFailed);
    EXPECT_EQ(refusal(kTwoFiles), ErrorCode::WriteFailed);
  }
  const AtomicFile first(data_);
  EXPECT_EQ(refusal(kTwoFiles), ErrorCode::WriteFailed);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(OnnxFiles, AreNotWrittenInPlaceOfAFolder) {
  fs::create_directory(data_);
  write(kOneFile);
  const std::string graph = read_bytes(path_);
  EXPECT_EQ(refusal(kTwoFiles), ErrorCode::WriteFailed);
  EXPECT_TRUE(read_bytes(path_) == graph);
  EXPECT_EQ(names(), (Names{"a.onnx", "a.onnx.data"}));
}

TEST_F(OnnxFiles, ANameThatIsTooLongIsRefusedBeforeAnythingIsReplaced) {
  const std::unique_ptr<onnx::RawModel> model(onnx::require_module("graph").create());
  const TensorSource weight{.key = "weight", .shape = {1}};  // never read
  const fs::path too_long = folder_ / (std::string(300, 'a') + ".onnx");
  EXPECT_EQ(error_code_of([&] {
              onnx::write_model(too_long, *model, {&weight, 1}, {});
            }),
            ErrorCode::WriteFailed);
  // The graph's own name fits, but that of its weights does not.
  const fs::path long_name = folder_ / (std::string(248, 'a') + ".onnx");
  write_bytes(long_name, "an earlier graph");
  EXPECT_EQ(error_code_of([&] {
              onnx::write_model(long_name, *model, {&weight, 1}, {}, kTwoFiles);
            }),
            ErrorCode::WriteFailed);
  EXPECT_EQ(read_bytes(long_name), "an earlier graph");
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(OnnxFiles, WeightsAreNotPutWhereAGraphCannotReferTo) {
  const std::unique_ptr<onnx::RawModel> model(onnx::require_module("graph").create());
  const TensorSource weight{.key = "weight", .shape = {1}};  // never read
  for (const char* name : {"latin\xe9.onnx", "two\nlines.onnx"}) {
    EXPECT_EQ(error_code_of([&] {
                onnx::write_model(folder_ / name, *model, {&weight, 1}, {}, kTwoFiles);
              }),
              ErrorCode::InvalidArgument);
  }
  EXPECT_EQ(names(), Names{});
}

TEST_F(OnnxFiles, AWeightIsWrittenInPiecesOfAFewMegabytes) {
  write(kOneFile, 1, Index{1} << 23);
  EXPECT_GT(fs::file_size(path_), std::uintmax_t{1} << 25);
  EXPECT_LE(largest_piece_, std::size_t{1} << 23);
}

}  // namespace
}  // namespace sapiens
