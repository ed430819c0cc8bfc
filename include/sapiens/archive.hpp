#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens {

/// True if archives can be read and written. This needs the module `sapiens_archive` and
/// libarchive. If one of them is missing, `why`, unless null, receives a text that says which, and
/// how to install it.
bool archives_available(std::string* why = nullptr);

/// Most bytes that a member of an archive may have: 1 GiB. A larger one is not read, and ends a
/// compressed tar, because what is behind it is reached only by decompressing it.
inline constexpr std::uint64_t kMaxArchiveMember = std::uint64_t{1} << 30;

/// What a member of an archive is. Only files have content; nothing is followed or created.
enum class ArchiveMemberKind { File, Link, Folder, Other };

/// A member of an archive.
struct ArchiveMember {
  /// The bytes of the archive up to a zero, in no known encoding, with any path: escape it
  /// (`printable`) before it is shown, and never open it as a file. Names that a zip marks as UTF-8
  /// are in composed form.
  std::string name = {};
  ArchiveMemberKind kind = ArchiveMemberKind::File;
  std::optional<std::uint64_t> size = {};  ///< As declared; some zip files do not declare it.
  bool encrypted = false;                  ///< Its content cannot be read.
};

/// Reads a tar (ustar, pax, GNU; also compressed by gzip, bzip2, xz or zstd) or a zip archive
/// member by member, moving forward only. Memory does not grow with a tar, and by a few hundred
/// bytes with each member of a zip, whose directory is read when it is opened. Archives inside of
/// archives are members like others.
///
/// A tar that is compressed more than a thousandfold is given up after the first GiB, and one that
/// is compressed twice is refused: neither holds images.
///
/// A file that another program writes to meanwhile is refused, CorruptFile, by `next` and `read`,
/// before a member that may consist of two versions is returned.
class ArchiveReader {
 public:
  /// Opens a file. Throws `Error`: NotFound, UnsupportedFormat without the module and for what is
  /// no such archive, CorruptFile, OutOfResources.
  explicit ArchiveReader(const std::filesystem::path& path);
  /// Reads from `descriptor`, which stays open and is the caller's; a pipe is possible for a tar.
  /// `name` is used in messages.
  ArchiveReader(int descriptor, std::string name);
  ArchiveReader(ArchiveReader&&) noexcept;
  ArchiveReader& operator=(ArchiveReader&&) noexcept;
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  ~ArchiveReader();

  /// The next member; nothing at the end. What is left of the content of the last one is skipped.
  /// Throws `Error(CorruptFile)` if the archive is damaged here or ends before its end mark: what
  /// is behind that place is lost, and the message says behind which member it is. Afterwards there
  /// is nothing more.
  std::optional<ArchiveMember> next();

  /// The whole content of the member that `next` returned. Throws `Error`: UnsupportedFormat if it
  /// has more than `max_bytes`, is encrypted or is not a file; CorruptFile if it is damaged, in
  /// which case `next` may be called to go on (a zip leads to its other members, unless more than a
  /// hundred of them are damaged; of a tar, what is behind the damage is lost); OutOfResources.
  std::vector<std::byte> read(std::uint64_t max_bytes = kMaxArchiveMember);

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// Writes a tar member by member: ustar, with a pax header for names that need one. Equal members
/// give equal bytes: headers hold nothing of the machine, the user or the time, and where a tar was
/// continued does not show.
///
/// Nothing is kept back: after each call, the file ends where the call says. After one that failed,
/// it ends in a part of a member, which the caller cuts off, and the writer is used no more.
class ArchiveWriter {
 public:
  /// Writes to the current position of `descriptor`, which stays open and is the caller's. That is
  /// `position` bytes behind the beginning of the tar: 0, or the end of a member. `name` is used in
  /// messages. Throws `Error`: UnsupportedFormat without the module, OutOfResources.
  ArchiveWriter(int descriptor, std::string name, std::uint64_t position = 0);
  ArchiveWriter(ArchiveWriter&&) noexcept;
  ArchiveWriter& operator=(ArchiveWriter&&) noexcept;
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;
  /// Writes no end mark.
  ~ArchiveWriter();

  /// Adds a file. Returns how many bytes of the tar are in front of its content. `name` is written
  /// byte for byte. Throws `Error`: InvalidArgument for a name that is empty or has a NUL byte,
  /// with nothing written; WriteFailed, or OutOfResources when the disk is full.
  std::uint64_t add(std::string_view name, std::span<const std::byte> content);

  /// Where the next member begins, in bytes from the beginning of the tar.
  std::uint64_t position() const noexcept;

  /// Writes the end mark; nothing may be added afterwards. Throws like `add`.
  void finish();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace sapiens
