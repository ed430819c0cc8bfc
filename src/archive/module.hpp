#pragma once

#include <cstddef>
#include <cstdint>

/// The interface between the library and its module `sapiens_archive`, which is linked to
/// libarchive. They are two files that may come from two builds: no exception and no type of the
/// standard library crosses it, and a module with another `kModuleVersion` is not used.
namespace sapiens::archive {

/// Incremented with every change of what the module provides.
inline constexpr std::uint32_t kModuleVersion = 2;
inline constexpr const char* kModuleFile = "sapiens_archive.so";
inline constexpr const char* kModuleEntry = "sapiens_archive_module";

enum class Outcome : std::int32_t {
  Done,
  End,            ///< No more members, or no more bytes of this one.
  MemberDamaged,  ///< The archive can be read on.
  ArchiveDamaged,
  NoArchive,  ///< None of the formats, or refused as a whole.
  NoMemory,
  NotWritten,
};

enum class Kind : std::int32_t { File, Link, Folder, Other };

struct RawMember {
  const char* name = nullptr;  ///< Ends in a zero byte; valid until the next call of `next`.
  std::int64_t size = -1;      ///< Negative if unknown.
  Kind kind = Kind::Other;
  bool encrypted = false;
};

class RawReader {
 public:
  virtual ~RawReader() = default;

  /// Done, End, ArchiveDamaged, NoArchive or NoMemory.
  virtual Outcome next(RawMember& member) noexcept = 0;
  /// Up to `capacity` bytes of the member. Done with `size` above 0, End, MemberDamaged,
  /// ArchiveDamaged or NoMemory.
  virtual Outcome read(unsigned char* to, std::size_t capacity, std::size_t& size) noexcept = 0;
  /// Why the last call failed: a text that ends in a zero byte, valid until the next call.
  virtual const char* reason() const noexcept = 0;
};

class RawWriter {
 public:
  /// Writes no end mark; that is `finish`.
  virtual ~RawWriter() = default;

  /// Writes a member from its header to its padding. `name` ends in a zero byte. Done, with the
  /// bytes that the writer had written in front of the content in `before_content` and all of them
  /// in `written`; NoMemory or NotWritten, after which only the destructor may be called.
  virtual Outcome add(const char* name, const unsigned char* content, std::size_t size,
                      std::uint64_t& before_content, std::uint64_t& written) noexcept = 0;
  /// Writes the end mark. Done, NoMemory or NotWritten.
  virtual Outcome finish() noexcept = 0;
  /// The `errno` of the system call that failed last; 0 if it was none.
  virtual int error_number() const noexcept = 0;
  /// As in RawReader.
  virtual const char* reason() const noexcept = 0;
};

/// Bounds of the reader, which are the library's.
struct Limits {
  std::int64_t member_bytes;    ///< Of a member that a compressed archive is read past.
  std::int64_t expanded_bytes;  ///< From here on, `max_expansion` applies.
  std::int64_t max_expansion;   ///< Bytes of the archive for each byte of its compressed file.
};

/// The functions of the module. The caller deletes the results, which are null if memory runs out,
/// before it closes `descriptor`.
struct Module {
  std::uint32_t version;
  RawReader* (*open)(int descriptor, Limits limits) noexcept;
  /// Writes a tar to the current position of `descriptor`.
  RawWriter* (*create)(int descriptor) noexcept;
};

/// The module, for the library alone, loaded on first use. Throws Error(UnsupportedFormat) that
/// names `file` where there is none.
const Module& require_module(const char* file);

}  // namespace sapiens::archive
