#include "archive/libarchive_writer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>

#include "archive/module.hpp"
#include "archive/name_locale.hpp"

namespace sapiens::archive {
namespace {

// Libarchive is not told of a write that failed: it would not free all of its memory then. Nor can
// it be freed before the end mark without writing that. So from either on, bytes go nowhere.
class Writer final : public RawWriter {
 public:
  Writer(::archive* writer, ::archive_entry* entry, int descriptor) noexcept
      : writer_(writer), entry_(entry), descriptor_(descriptor) {}
  ~Writer() override {
    // Freeing it would write the end mark.
    closed_ = true;
    ::archive_write_free(writer_);
    ::archive_entry_free(entry_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // All that libarchive writes goes to the file at once, which ends behind the last member then.
  Outcome open() noexcept {
    if (::archive_write_set_format_pax_restricted(writer_) != ARCHIVE_OK ||
        ::archive_write_set_bytes_per_block(writer_, 0) != ARCHIVE_OK ||
        ::archive_write_open(writer_, this, nullptr, write_to_file, nullptr) != ARCHIVE_OK) {
      return failure();
    }
    return Outcome::Done;
  }

  Outcome add(const char* name, const unsigned char* content, std::size_t size,
              std::uint64_t& before_content, std::uint64_t& written) noexcept override {
    if (!fill_entry(name, size)) return Outcome::NoMemory;
    if (!write_header()) return failure();
    before_content = position();
    while (size > 0) {
      const ::la_ssize_t taken = ::archive_write_data(writer_, content, size);
      if (taken <= 0) return failure();
      content += taken;
      size -= static_cast<std::size_t>(taken);
    }
    if (::archive_write_finish_entry(writer_) != ARCHIVE_OK || closed_) return failure();
    written = position();
    return Outcome::Done;
  }

  Outcome finish() noexcept override {
    if (::archive_write_close(writer_) != ARCHIVE_OK || closed_) return failure();
    return Outcome::Done;
  }

  int error_number() const noexcept override { return error_number_; }
  const char* reason() const noexcept override { return reason_; }

 private:
  static ::la_ssize_t write_to_file(::archive*, void* self, const void* bytes,
                                    std::size_t size) noexcept {
    static_cast<Writer*>(self)->write(static_cast<const unsigned char*>(bytes), size);
    return static_cast<::la_ssize_t>(size);
  }

  void write(const unsigned char* bytes, std::size_t size) noexcept {
    while (size > 0 && !closed_) {
      const ::ssize_t written = ::write(descriptor_, bytes, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        error_number_ = errno;
        closed_ = true;
        return;
      }
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  // Nothing of the machine, the user or the time, so that equal members give equal archives.
  bool fill_entry(const char* name, std::size_t size) noexcept {
    ::archive_entry_clear(entry_);
    ::archive_entry_set_pathname(entry_, name);
    if (!::archive_entry_pathname(entry_)) return false;
    ::archive_entry_set_filetype(entry_, AE_IFREG);
    ::archive_entry_set_perm(entry_, 0644);
    ::archive_entry_set_mtime(entry_, 0, 0);
    ::archive_entry_set_size(entry_, static_cast<::la_int64_t>(size));
    return true;
  }

  // A name that is UTF-8 needs no mark. Of others libarchive warns that they were not converted,
  // and writes their bytes, marked as `hdrcharset=BINARY`.
  bool write_header() noexcept {
    const NameLocale names(NameCharset::Utf8);
    const int result = ::archive_write_header(writer_, entry_);
    return result == ARCHIVE_OK || result == ARCHIVE_WARN;
  }

  std::uint64_t position() const noexcept {
    return static_cast<std::uint64_t>(::archive_filter_bytes(writer_, -1));
  }

  Outcome failure() noexcept {
    if (error_number_ != 0) return Outcome::NotWritten;
    const char* const text = ::archive_error_string(writer_);
    reason_ = text ? text : "libarchive gives no reason";
    return ::archive_errno(writer_) == ENOMEM ? Outcome::NoMemory : Outcome::NotWritten;
  }

  ::archive* writer_;
  ::archive_entry* entry_;
  int descriptor_;
  bool closed_ = false;
  int error_number_ = 0;
  const char* reason_ = "";
};

}  // namespace

RawWriter* create_writer(int descriptor) noexcept {
  ::archive* const writer = ::archive_write_new();
  ::archive_entry* const entry = ::archive_entry_new();
  Writer* const result =
      writer && entry ? new (std::nothrow) Writer(writer, entry, descriptor) : nullptr;
  if (!result) {
    ::archive_write_free(writer);
    ::archive_entry_free(entry);
    return nullptr;
  }
  if (result->open() == Outcome::Done) return result;
  delete result;
  return nullptr;
}

}  // namespace sapiens::archive
