// The module sapiens_archive, with libarchive_writer.cpp: the only code that is linked to
// libarchive.
#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>

#include "archive/libarchive_writer.hpp"
#include "archive/module.hpp"
#include "archive/name_locale.hpp"

namespace sapiens::archive {
namespace {

constexpr int kMaxRestarts = 100;
constexpr std::size_t kBlock = std::size_t{1} << 16;

// Of the formats that are enabled, zip alone can be encrypted. That is known as soon as the archive
// is open, archive_format() only behind the first header.
bool is_zip(::archive* reader) noexcept {
  return ::archive_read_format_capabilities(reader) > ARCHIVE_READ_FORMAT_CAPS_NONE;
}

Kind kind_of(::archive_entry* entry) noexcept {
  if (::archive_entry_hardlink(entry)) return Kind::Link;
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
      return Kind::File;
    case AE_IFLNK:
      return Kind::Link;
    case AE_IFDIR:
      return Kind::Folder;
    default:
      return Kind::Other;
  }
}

class Reader final : public RawReader {
 public:
  Reader(::archive* reader, int descriptor, Limits limits) noexcept
      : reader_(reader), descriptor_(descriptor), limits_(limits) {}
  ~Reader() override { ::archive_read_free(reader_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Outcome next(RawMember& member) noexcept override {
    if (finished_ != Outcome::Done) return finished_;
    if (!opened_) {
      if (const Outcome outcome = open(); outcome != Outcome::Done) return finish(outcome);
    }
    // The bytes of a tar are left alone if they do not fit, so that C keeps all of them; the name
    // of a zip would be lost.
    const NameLocale names(is_zip(reader_) ? NameCharset::Utf8 : NameCharset::Bytes);
    if (const Outcome outcome = skip_content(); outcome != Outcome::Done) return finish(outcome);

    const std::int64_t start = ::archive_filter_bytes(reader_, 0);
    ::archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(reader_, &entry);
    // Found by the first header.
    if (!checked_filters_) {
      checked_filters_ = true;
      compressed_ = ::archive_filter_count(reader_) > 1;
      if (::archive_filter_count(reader_) > 2) {
        return finish(Outcome::NoArchive, "it is compressed more than once");
      }
    }
    if (result == ARCHIVE_EOF) {
      // A tar ends in blocks of zeros. Where they are missing, and nothing else is there, it was
      // cut between two members, or inside of the last one, past whose end a seek is possible.
      if (!is_zip(reader_) && ::archive_filter_bytes(reader_, 0) == start) {
        return finish(Outcome::ArchiveDamaged, "the file ends before the end mark of the archive");
      }
      return finish(Outcome::End);
    }
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      return finish(failure(members_ == 0 ? Outcome::NoArchive : Outcome::ArchiveDamaged));
    }
    ++members_;
    const char* const name = ::archive_entry_pathname(entry);
    member = {.name = name ? name : "",
              .size = ::archive_entry_size_is_set(entry) ? ::archive_entry_size(entry) : -1,
              .kind = kind_of(entry),
              .encrypted = ::archive_entry_is_data_encrypted(entry) != 0};
    size_ = member.size;
    return Outcome::Done;
  }

  Outcome read(unsigned char* to, std::size_t capacity, std::size_t& size) noexcept override {
    size = 0;
    if (finished_ != Outcome::Done) return finished_;
    const ::la_ssize_t got = ::archive_read_data(reader_, to, capacity);
    if (got > 0) {
      size = static_cast<std::size_t>(got);
      return Outcome::Done;
    }
    if (got == 0) return Outcome::End;
    // A warning is a checksum that does not match.
    if (got != ARCHIVE_FATAL) return failure(Outcome::MemberDamaged);
    const Outcome outcome = failure(Outcome::ArchiveDamaged);
    if (outcome == Outcome::NoMemory || !is_zip(reader_)) return finish(outcome);
    // The directory of a zip still leads to the others.
    restart_ = true;
    return Outcome::MemberDamaged;
  }

  const char* reason() const noexcept override { return reason_; }

 private:
  // Without the library of a filter, libarchive would start a program.
  Outcome open() noexcept {
    opened_ = true;
    ::archive_read_support_format_tar(reader_);
    // By its directory alone: a zip that is read as a stream may have members of unknown size,
    // which are skipped by expanding them.
    ::archive_read_support_format_zip_seekable(reader_);
    if (::archive_zlib_version()) ::archive_read_support_filter_gzip(reader_);
    if (::archive_bzlib_version()) ::archive_read_support_filter_bzip2(reader_);
    if (::archive_liblzma_version()) ::archive_read_support_filter_xz(reader_);
    if (::archive_libzstd_version()) ::archive_read_support_filter_zstd(reader_);
    if (::archive_read_open_fd(reader_, descriptor_, kBlock) == ARCHIVE_OK) return Outcome::Done;
    return failure(Outcome::NoArchive);
  }

  // Skips what is left of the member, which in a compressed archive means decompressing it.
  Outcome skip_content() noexcept {
    if (members_ == 0) return Outcome::Done;
    if (restart_) return restart();
    if (compressed_) {
      if (size_ > limits_.member_bytes) {
        reason_ = "the member is too large to be decompressed for what is behind it";
        return Outcome::ArchiveDamaged;
      }
      const std::int64_t expanded = ::archive_filter_bytes(reader_, 0);
      if (expanded > limits_.expanded_bytes &&
          expanded / limits_.max_expansion > ::archive_filter_bytes(reader_, -1)) {
        reason_ = "it expands to far more than its size, as no archive of images does";
        return Outcome::ArchiveDamaged;
      }
    }
    const int result = ::archive_read_data_skip(reader_);
    return result == ARCHIVE_FATAL ? failure(Outcome::ArchiveDamaged) : Outcome::Done;
  }

  // libarchive reads nothing more after most kinds of damage, so the archive is opened again and
  // its headers are passed. Each time takes as long as all headers before, hence the bound.
  Outcome restart() noexcept {
    restart_ = false;
    if (++restarts_ > kMaxRestarts) {
      reason_ = "too many of its members are damaged";
      return Outcome::ArchiveDamaged;
    }
    ::archive* const fresh = ::archive_read_new();
    if (!fresh) return Outcome::NoMemory;
    ::archive_read_free(reader_);
    reader_ = fresh;
    if (::lseek(descriptor_, 0, SEEK_SET) != 0) {
      reason_ = "the file cannot be read again behind a damaged member";
      return Outcome::ArchiveDamaged;
    }
    if (const Outcome outcome = open(); outcome != Outcome::Done) return outcome;
    for (std::int64_t i = 0; i < members_; ++i) {
      ::archive_entry* entry = nullptr;
      const int result = ::archive_read_next_header(reader_, &entry);
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return failure(Outcome::ArchiveDamaged);
    }
    return Outcome::Done;
  }

  Outcome failure(Outcome outcome) noexcept {
    const char* const text = ::archive_error_string(reader_);
    reason_ = text ? text : "libarchive gives no reason";
    return ::archive_errno(reader_) == ENOMEM ? Outcome::NoMemory : outcome;
  }

  Outcome finish(Outcome outcome, const char* reason = nullptr) noexcept {
    if (reason) reason_ = reason;
    return finished_ = outcome;
  }

  ::archive* reader_;
  int descriptor_;
  Limits limits_;
  bool opened_ = false;
  bool checked_filters_ = false;
  bool compressed_ = false;
  bool restart_ = false;
  int restarts_ = 0;
  std::int64_t size_ = -1;
  std::int64_t members_ = 0;
  Outcome finished_ = Outcome::Done;
  const char* reason_ = "";
};

RawReader* open(int descriptor, Limits limits) noexcept {
  ::archive* const reader = ::archive_read_new();
  if (!reader) return nullptr;
  RawReader* const result = new (std::nothrow) Reader(reader, descriptor, limits);
  if (!result) ::archive_read_free(reader);
  return result;
}

constexpr Module kModule = {.version = kModuleVersion, .open = open, .create = create_writer};

}  // namespace
}  // namespace sapiens::archive

extern "C" __attribute__((visibility("default"))) const void* sapiens_archive_module() noexcept {
  return &sapiens::archive::kModule;
}
