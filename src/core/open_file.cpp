#include "core/open_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include "core/mapped_ranges.hpp"
#include "core/memory_in_use.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

void advise(std::span<const std::byte> bytes, int advice) noexcept {
  if (bytes.empty()) return;
  // madvise never writes, but its signature predates const.
  ::madvise(const_cast<std::byte*>(bytes.data()), bytes.size(), advice);
}

}  // namespace

void Descriptor::close() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

void fail_to_read(const std::filesystem::path& path, const char* summary, int error_number) {
  const bool out_of_resources =
      error_number == ENOMEM || error_number == EMFILE || error_number == ENFILE;
  throw Error(
      out_of_resources ? ErrorCode::OutOfResources : ErrorCode::NotFound,
      {.summary = summary,
       .file = path.string(),
       .actual = std::generic_category().message(error_number) +
                 (error_number == ENOMEM ? "; " + memory_in_use() : ""),
       .hint = error_number == ENOMEM ? "raise the limit on address space (ulimit -v)" : ""});
}

Descriptor open_regular_file(const std::filesystem::path& path) {
  // O_NONBLOCK, because opening a pipe without a writer would block.
  Descriptor file(
      uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (file.number() < 0) fail_to_read(path, "the file cannot be opened", errno);

  struct ::stat status {};
  if (::fstat(file.number(), &status) != 0) {
    fail_to_read(path, "the file cannot be examined", errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = S_ISDIR(status.st_mode) ? "this is a folder, not a file"
                                                    : "this is a device or a pipe, not a file",
                 .file = path.string()});
  }
  return file;
}

OpenFile::OpenFile(const std::filesystem::path& path) : OpenFile(open_regular_file(path), path) {}

OpenFile::OpenFile(Descriptor file, const std::filesystem::path& path)
    : path_(path), file_(std::move(file)), version_(current_version()) {}

OpenFile::Version OpenFile::current_version() const {
  struct ::stat status {};
  if (::fstat(file_.number(), &status) != 0) {
    fail_to_read(path_, "the file cannot be examined", errno);
  }
  return {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

void OpenFile::require_unchanged(bool unreadable) const {
  const Version now = current_version();
  if (now == version_ && !unreadable) return;
  ErrorDetail details{.summary = "the file was changed while it was read",
                      .file = path_.string(),
                      .hint = "try again once no other program writes to it"};
  if (now.bytes != version_.bytes) {
    details.expected = fmt::format("{} bytes, as when it was opened", version_.bytes);
    details.actual = fmt::format("{} bytes", now.bytes);
  } else if (now == version_) {
    details.summary = "a part of the file cannot be read";
    details.hint = "the disk or the network folder that holds it fails: copy the file, try again";
  }
  throw Error(ErrorCode::CorruptFile, std::move(details));
}

FileMap::FileMap(const std::filesystem::path& path) : file_(path) {
  if (file_.size() == 0) return;
  const auto size = static_cast<std::size_t>(file_.size());
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file_.number(), 0);
  if (start == MAP_FAILED) fail_to_read(path, "the file cannot be mapped into memory", errno);
  bytes_ = {static_cast<const std::byte*>(start), size};
  range_ = add_mapped_range(bytes_);
  if (range_ == nullptr) {
    ::munmap(start, size);
    fail_to_read(path, "too many files are mapped into memory", EMFILE);
  }
}

FileMap::~FileMap() {
  if (bytes_.empty()) return;
  remove_mapped_range(*range_);
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void FileMap::require_unchanged() const {
  file_.require_unchanged(range_ != nullptr && range_->unreadable.load());
}

void FileMap::expect_random_access() const noexcept { advise(bytes_, MADV_RANDOM); }
void FileMap::expect_normal_access() const noexcept { advise(bytes_, MADV_NORMAL); }

void release_mapped(std::span<const std::byte> part) noexcept {
  if (part.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(part.data());
  const std::size_t before = start % page;
  advise({part.data() - before, part.size() + before}, MADV_DONTNEED);
}

}  // namespace sapiens
