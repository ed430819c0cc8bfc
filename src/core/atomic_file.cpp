#include "core/atomic_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "core/output_file.hpp"
#include "core/uninterrupted.hpp"

namespace sapiens {
namespace {

// The temporary name adds a few characters, which must not exceed the longest name of a file
// system.
constexpr std::size_t kMaxPartLength = 200;

std::string temporary_name(const std::filesystem::path& path, std::string_view ending) {
  const std::string part = path.filename().string().substr(0, kMaxPartLength);
  return fmt::format(".{}.tmp{}", part, ending);
}

/// A killed process leaves its temporary file behind; the next run reuses it, so that no files
/// accumulate.
Descriptor take_temporary(const OutputPlace& place, const std::string& temporary,
                          const std::filesystem::path& path) {
  expect_file_or_nothing(path);
  Descriptor file = place.open_locked(temporary);
  if (uninterrupted([&] { return ::ftruncate(file.number(), 0); }) != 0) {
    const int reason = errno;
    place.remove(temporary);  // while it is still locked
    fail_to_write(path, "the output file cannot be emptied", reason);
  }
  return file;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, std::string_view ending)
    : path_(std::move(path)),
      temporary_(temporary_name(path_, ending)),
      temporary_path_(path_.parent_path() / temporary_),
      place_(path_),
      file_(take_temporary(place_, temporary_, path_)) {}

AtomicFile::~AtomicFile() {
  if (file_.number() >= 0) place_.remove(temporary_);  // while it is still locked
}

void AtomicFile::write(std::span<const std::byte> bytes) { write_all(file_, bytes, path_); }

void AtomicFile::rewrite(std::uint64_t position, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written = uninterrupted([&] {
      return ::pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<::off_t>(position));
    });
    if (written < 0) fail_to_write(path_, "writing the output file failed", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    position += static_cast<std::uint64_t>(written);
  }
}

void AtomicFile::commit() {
  place_.commit(file_, temporary_);
  file_.close();
}

}  // namespace sapiens
