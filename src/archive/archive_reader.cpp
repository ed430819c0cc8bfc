#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/module.hpp"
#include "core/open_file.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"
#include "sapiens/printable.hpp"

namespace sapiens {
namespace {

constexpr std::int64_t kExpandedBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMaxExpansion = 1000;
// Declared sizes may be wrong, so memory is touched only for what is there.
constexpr std::size_t kReadStep = std::size_t{1} << 20;

ArchiveMemberKind kind_of(archive::Kind kind) {
  switch (kind) {
    case archive::Kind::File:
      return ArchiveMemberKind::File;
    case archive::Kind::Link:
      return ArchiveMemberKind::Link;
    case archive::Kind::Folder:
      return ArchiveMemberKind::Folder;
    case archive::Kind::Other:
      break;
  }
  return ArchiveMemberKind::Other;
}

/// The same file once more, to notice changes; nothing for a pipe.
std::optional<OpenFile> if_regular(int descriptor, const std::string& name) {
  struct ::stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  Descriptor copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (copy.number() < 0) fail_to_read(name, "the file cannot be opened", errno);
  return OpenFile(std::move(copy), name);
}

}  // namespace

class ArchiveReader::State {
 public:
  /// `file` is not there for what is no regular file.
  State(std::optional<OpenFile> file, int descriptor, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {
    reader_.reset(archive::require_module(name_.c_str())
                      .open(descriptor, {.member_bytes = kMaxArchiveMember,
                                         .expanded_bytes = kExpandedBytes,
                                         .max_expansion = kMaxExpansion}));
    if (!reader_) throw std::bad_alloc();
    // Whether this is an archive shows at its first member.
    first_ = advance();
  }

  std::optional<ArchiveMember> next() {
    is_read_ = false;
    if (first_) return current_ = std::exchange(first_, std::nullopt);
    if (!ended_) current_ = advance();
    return ended_ ? std::nullopt : current_;
  }

  std::vector<std::byte> read(std::uint64_t max_bytes) {
    if (!current_) {
      throw Error(ErrorCode::InvalidArgument, {.summary = "no member of the archive was chosen",
                                               .file = name_,
                                               .hint = "call next() before read()"});
    }
    if (is_read_) {
      throw Error(ErrorCode::InvalidArgument, {.summary = "the member has been read already",
                                               .file = name_,
                                               .key = printable(current_->name),
                                               .hint = "call next() between two calls of read()"});
    }
    if (current_->kind != ArchiveMemberKind::File) refuse("the member is not a file");
    if (current_->encrypted) refuse("the member is encrypted");
    if (current_->size.value_or(0) > max_bytes) refuse_size(max_bytes);

    is_read_ = true;
    std::vector<std::byte> bytes;
    // Address space only, and no copies while it grows.
    bytes.reserve(static_cast<std::size_t>(current_->size.value_or(0)) + 1);
    for (std::size_t size = 0;;) {
      // One more than allowed, which shows that there is more.
      const std::uint64_t left = max_bytes - size;
      if (bytes.size() == size) {
        bytes.resize(size + static_cast<std::size_t>(left < kReadStep ? left + 1 : kReadStep));
      }
      std::size_t got = 0;
      const archive::Outcome outcome = reader_->read(
          reinterpret_cast<unsigned char*>(bytes.data() + size), bytes.size() - size, got);
      if (outcome == archive::Outcome::End) {
        require_unchanged();
        bytes.resize(size);
        return bytes;
      }
      if (outcome != archive::Outcome::Done) fail_to_read_member(outcome);
      size += got;
      if (size > max_bytes) refuse_size(max_bytes);
    }
  }

 private:
  std::optional<ArchiveMember> advance() {
    archive::RawMember member;
    const archive::Outcome outcome = reader_->next(member);
    if (outcome == archive::Outcome::Done) {
      last_ = member.name;
      const bool known = member.size >= 0;
      return ArchiveMember{
          .name = last_,
          .kind = kind_of(member.kind),
          .size = known ? std::optional(static_cast<std::uint64_t>(member.size)) : std::nullopt,
          .encrypted = member.encrypted};
    }
    ended_ = true;
    current_.reset();
    if (outcome == archive::Outcome::NoMemory) throw std::bad_alloc();
    require_unchanged();
    if (outcome == archive::Outcome::End) return std::nullopt;
    if (outcome == archive::Outcome::NoArchive) {
      throw Error(
          ErrorCode::UnsupportedFormat,
          {.summary = "this is not an archive that can be read",
           .file = name_,
           .expected = "tar, also compressed by gzip, bzip2, xz or zstd, or zip",
           .actual = printable(reader_->reason()),
           .hint = "a zip that was cut off has lost its directory, which zip -FF restores"});
    }
    throw Error(ErrorCode::CorruptFile,
                {.summary = last_.empty() ? "the archive is damaged"
                                          : "the archive is damaged, and all behind this member "
                                            "is lost",
                 .file = name_,
                 .key = printable(last_),
                 .actual = printable(reader_->reason())});
  }

  /// Before anything is said or given of what was read: it may be parts of two archives.
  void require_unchanged() const {
    if (file_) file_->require_unchanged();
  }

  [[noreturn]] void refuse(const char* summary) const {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = summary, .file = name_, .key = printable(current_->name)});
  }

  [[noreturn]] void refuse_size(std::uint64_t max_bytes) const {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "the member is too large",
                 .file = name_,
                 .key = printable(current_->name),
                 .expected = "at most " + std::to_string(max_bytes) + " bytes",
                 .actual = current_->size ? std::to_string(*current_->size) + " bytes" : ""});
  }

  [[noreturn]] void fail_to_read_member(archive::Outcome outcome) {
    if (outcome == archive::Outcome::NoMemory) throw std::bad_alloc();
    require_unchanged();
    const bool all = outcome != archive::Outcome::MemberDamaged;
    throw Error(ErrorCode::CorruptFile,
                {.summary = all ? "the archive is damaged, and this member and all behind it are "
                                  "lost"
                                : "the member is damaged",
                 .file = name_,
                 .key = printable(current_->name),
                 .actual = printable(reader_->reason())});
  }

  std::optional<OpenFile> file_;  // closed after `reader_`
  std::string name_;
  std::unique_ptr<archive::RawReader> reader_;
  std::optional<ArchiveMember> first_;
  std::optional<ArchiveMember> current_;
  bool is_read_ = false;  // of `current_`
  std::string last_;
  bool ended_ = false;
};

ArchiveReader::ArchiveReader(const std::filesystem::path& path) {
  OpenFile file(path);
  const int number = file.number();
  state_ = std::make_unique<State>(std::move(file), number, path.string());
}

ArchiveReader::ArchiveReader(int descriptor, std::string name) {
  std::optional<OpenFile> file = if_regular(descriptor, name);
  state_ = std::make_unique<State>(std::move(file), descriptor, std::move(name));
}

ArchiveReader::ArchiveReader(ArchiveReader&&) noexcept = default;
ArchiveReader& ArchiveReader::operator=(ArchiveReader&&) noexcept = default;
ArchiveReader::~ArchiveReader() = default;

std::optional<ArchiveMember> ArchiveReader::next() { return state_->next(); }

std::vector<std::byte> ArchiveReader::read(std::uint64_t max_bytes) {
  return state_->read(max_bytes);
}

}  // namespace sapiens
