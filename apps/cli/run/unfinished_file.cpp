#include "cli/run/unfinished_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <sapiens/error.hpp>
#include <sapiens/printable.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "cli/run/jobs.hpp"

namespace sapiens::cli {

namespace fs = std::filesystem;

UnfinishedFile::UnfinishedFile(fs::path path, fs::path output)
    : path_(std::move(path)), output_(std::move(output)), file_(open_locked(path_, output_)) {
  cut(0);
}

UnfinishedFile::UnfinishedFile(fs::path path, fs::path output, const fs::path& earlier,
                               std::uint64_t bytes)
    : UnfinishedFile(std::move(path), std::move(output)) {
  std::error_code error;
  fs::copy_file(earlier, path_, fs::copy_options::overwrite_existing, error);
  if (error) {
    fail_to_write(output_, "what an earlier process wrote cannot be copied", error.value());
  }
  cut(bytes);
}

void UnfinishedFile::cut(std::uint64_t bytes) {
  if (uninterrupted([&] { return ::ftruncate(file_.number(), static_cast<::off_t>(bytes)); }) !=
      0) {
    fail_to_write(output_, "the length of the output file cannot be set", errno);
  }
  seek(bytes);
}

void UnfinishedFile::seek(std::uint64_t position) {
  if (::lseek(file_.number(), static_cast<::off_t>(position), SEEK_SET) < 0) {
    fail_to_write(output_, "writing the output file failed", errno);
  }
}

void UnfinishedFile::write_at(std::uint64_t position, std::span<const std::byte> bytes) {
  seek(position);
  write_all(file_, bytes, output_);
}

void UnfinishedFile::sync() {
  if (uninterrupted([&] { return ::fdatasync(file_.number()); }) != 0) {
    fail_to_write(output_, "flushing the output file failed", errno);
  }
}

void UnfinishedFile::finish() {
  create_parent(output_);
  expect_file_or_nothing(output_);
  commit_file(file_, path_, output_);
}

fs::path find_earlier_file(const fs::path& unfinished, const fs::path& output,
                           std::uint64_t bytes) {
  std::string found = "no file";
  for (const fs::path& path : {unfinished, output}) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) continue;
    if (size >= bytes) return path;
    found = fmt::format("{} bytes", size);
  }
  throw Error(ErrorCode::CorruptFile, {.summary = "what an earlier process wrote is not there",
                                       .file = unfinished.string(),
                                       .expected = fmt::format("at least {} bytes", bytes),
                                       .actual = found});
}

void read_position(const fs::path& shard, const std::function<void()>& read) {
  try {
    read();
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the position of an earlier process cannot be read",
                 .file = shard.string(),
                 .actual = printable(error.what())});
  }
}

}  // namespace sapiens::cli
