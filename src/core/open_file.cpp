#include "core/open_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/uninterrupted.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

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
       .actual = std::generic_category().message(error_number),
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

}  // namespace sapiens
