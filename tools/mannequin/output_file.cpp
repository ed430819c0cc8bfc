#include "output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <sapiens/error.hpp>
#include <system_error>

static_assert(std::endian::native == std::endian::little,
              "arrays are stored as they are in memory");

namespace mannequin {

OutputFile::OutputFile(std::filesystem::path path)
    : path_(std::move(path)),
      temporary_(path_.parent_path() / ("." + path_.filename().string() + ".tmp")),
      descriptor_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail(errno);
}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
}

void OutputFile::commit() {
  if (::fsync(descriptor_) != 0) fail(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  ::close(descriptor_);
  descriptor_ = -1;
}

void OutputFile::fail(int error_number) const {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  throw sapiens::Error(full ? sapiens::ErrorCode::OutOfResources : sapiens::ErrorCode::WriteFailed,
                       {.summary = "the output file cannot be written",
                        .file = path_.string(),
                        .actual = std::generic_category().message(error_number),
                        .hint = full ? "free some space, or write to another disk" : ""});
}

ArrayFile::ArrayFile(std::filesystem::path path, std::string_view type,
                     const std::vector<std::int64_t>& shape)
    : file_(std::move(path)) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}",
                                   type, fmt::join(shape, ", "));
  // Version 1.0: ten bytes before the header; numbers start at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ').push_back('\n');
  const auto size = static_cast<std::uint16_t>(header.size());
  const char start[] = {'\x93',
                        'N',
                        'U',
                        'M',
                        'P',
                        'Y',
                        1,
                        0,
                        static_cast<char>(size & 255),
                        static_cast<char>(size >> 8)};
  file_.write(std::string_view(start, sizeof(start)));
  file_.write(header);
}

}  // namespace mannequin
