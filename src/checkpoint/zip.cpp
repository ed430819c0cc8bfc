#include "checkpoint/zip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "checkpoint/zip_layout.hpp"
#include "core/byte_reader.hpp"
#include "core/crc32.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
};

[[noreturn]] void fail(const std::string& source, std::string summary, std::string actual = {}) {
  throw Error(ErrorCode::CorruptFile, {.summary = std::move(summary),
                                       .file = source,
                                       .actual = std::move(actual),
                                       .hint = "the file is damaged; download it again"});
}

// The end record is 22 bytes and a comment of at most 65535, found by searching backwards.
std::optional<std::uint64_t> find_end_record(std::string_view bytes) noexcept {
  constexpr std::string_view kSignature("PK\x05\x06", 4);
  if (bytes.size() < zip::kEndOfDirectoryBytes) return std::nullopt;
  const std::size_t last = bytes.size() - zip::kEndOfDirectoryBytes;
  const std::size_t first = last > 0xffff ? last - 0xffff : 0;
  const std::size_t found = bytes.substr(first).rfind(kSignature, last - first);
  if (found == std::string_view::npos) return std::nullopt;
  return first + found;
}

// A zip64 end record, where a locator in front of the plain end record points to one.
std::optional<Directory> read_directory64(ByteReader reader, std::uint64_t end_record) {
  if (end_record < zip::kLocator64Bytes) return std::nullopt;
  reader.seek(end_record - zip::kLocator64Bytes);
  if (reader.u32() != zip::kLocator64) return std::nullopt;
  reader.bytes(4);  // disk number
  reader.seek(reader.u64());
  if (reader.u32() != zip::kEndOfDirectory64) {
    fail(reader.source(), "the zip64 end record is not where the archive says");
  }
  reader.bytes(8 + 2 + 2 + 4 + 4 + 8);  // size, versions, disks, entries on this disk
  Directory directory;
  directory.count = reader.u64();
  directory.size = reader.u64();
  directory.offset = reader.u64();
  return directory;
}

Directory read_end_record(std::span<const std::byte> bytes, const std::string& source) {
  const auto end_record = find_end_record(as_text(bytes));
  if (!end_record)
    fail(source, "the zip archive has no table of contents at its end",
         fmt::format("the file stops after {} bytes", bytes.size()));
  ByteReader reader(bytes, source);
  if (const auto directory = read_directory64(reader, *end_record)) return *directory;
  reader.seek(*end_record);
  reader.bytes(4 + 2 + 2 + 2);  // signature, disks, entries on this disk
  Directory directory;
  directory.count = reader.u16();
  directory.size = reader.u32();
  directory.offset = reader.u32();
  return directory;
}

// Sizes and offsets that did not fit into 32 bits follow in this order in the zip64 extra field.
void apply_zip64_field(ByteReader extra, ZipEntry& entry) {
  while (extra.remaining() >= 4) {
    const std::uint16_t id = extra.u16();
    ByteReader field(extra.bytes(extra.u16()), extra.source());
    if (id != zip::kZip64Field) continue;
    if (entry.size == zip::kSee64) entry.size = field.u64();
    if (entry.packed_size == zip::kSee64) entry.packed_size = field.u64();
    if (entry.header_offset == zip::kSee64) entry.header_offset = field.u64();
    return;
  }
}

ZipEntry read_directory_entry(ByteReader& reader) {
  if (reader.u32() != zip::kDirectoryEntry) {
    fail(reader.source(), "the zip table of contents is damaged");
  }
  ZipEntry entry;
  reader.bytes(2 + 2);  // versions
  entry.flags = reader.u16();
  entry.method = reader.u16();
  reader.bytes(2 + 2);  // time, date
  entry.crc = reader.u32();
  entry.packed_size = reader.u32();
  entry.size = reader.u32();
  const std::uint16_t name_length = reader.u16();
  const std::uint16_t extra_length = reader.u16();
  const std::uint16_t comment_length = reader.u16();
  reader.bytes(2 + 2 + 4);  // disk, attributes
  entry.header_offset = reader.u32();
  entry.name = reader.text(name_length);
  apply_zip64_field(ByteReader(reader.bytes(extra_length), reader.source()), entry);
  reader.bytes(comment_length);
  return entry;
}

}  // namespace

bool has_zip_directory(std::span<const std::byte> bytes) noexcept {
  return find_end_record(as_text(bytes)).has_value();
}

ZipArchive::ZipArchive(FileBytes file) : file_(std::move(file)) {
  const Directory directory = read_end_record(file_.bytes, file_.source);
  if (directory.offset > file_.bytes.size() ||
      directory.size > file_.bytes.size() - directory.offset) {
    fail(file_.source, "the zip table of contents lies outside the file");
  }
  ByteReader reader(file_.bytes.subspan(directory.offset, directory.size), file_.source);
  while (reader.remaining() > 0) {
    const ZipEntry entry = read_directory_entry(reader);
    if (!by_name_.emplace(entry.name, entries_.size()).second) {
      fail(file_.source, fmt::format("the archive holds \"{}\" twice", entry.name));
    }
    entries_.push_back(entry);
  }
  if (entries_.size() != directory.count) {
    fail(file_.source, "the zip table of contents is incomplete",
         fmt::format("{} entries of {}", entries_.size(), directory.count));
  }
  refuse_overlaps(directory.offset);
}

// Two members sharing bytes is how zip bombs are made; no honest writer does it.
void ZipArchive::refuse_overlaps(std::uint64_t directory_offset) const {
  std::vector<const ZipEntry*> by_offset;
  by_offset.reserve(entries_.size());
  for (const ZipEntry& entry : entries_) by_offset.push_back(&entry);
  std::ranges::sort(by_offset, {}, &ZipEntry::header_offset);

  for (std::size_t i = 0; i < by_offset.size(); ++i) {
    const ZipEntry& entry = *by_offset[i];
    const std::uint64_t limit =
        i + 1 < by_offset.size() ? by_offset[i + 1]->header_offset : directory_offset;
    const std::uint64_t header = zip::kLocalHeaderBytes + entry.name.size();
    const std::uint64_t room = limit > entry.header_offset ? limit - entry.header_offset : 0;
    if (room < header || room - header < entry.packed_size) {
      fail(file_.source,
           fmt::format("the archive's member \"{}\" overlaps what follows it", entry.name),
           fmt::format("{} bytes from {}, but only {} up to the next", entry.packed_size,
                       entry.header_offset, room));
    }
  }
}

const ZipEntry* ZipArchive::find(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

std::span<const std::byte> ZipArchive::contents(const ZipEntry& entry) const {
  if (entry.method != zip::kStored || (entry.flags & zip::kEncryptedFlag) != 0) {
    const bool encrypted = (entry.flags & zip::kEncryptedFlag) != 0;
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = encrypted ? "the archive is encrypted" : "the archive is compressed",
                 .file = file_.source,
                 .key = std::string(entry.name),
                 .expected = "members that are stored as they are, as torch.save writes them",
                 .hint = "load the file with torch.load and write it again with torch.save"});
  }
  ByteReader reader(file_.bytes, file_.source);
  reader.seek(entry.header_offset);
  if (reader.u32() != zip::kLocalHeader) {
    fail(file_.source,
         fmt::format("the archive's member \"{}\" is not where it should be", entry.name));
  }
  reader.bytes(zip::kLocalHeaderBytes - 4 - 2 - 2);
  const std::uint16_t name_length = reader.u16();
  const std::uint16_t extra_length = reader.u16();
  reader.bytes(std::uint64_t{name_length} + extra_length);
  file_.forget_around(entry.header_offset);
  if (entry.size != entry.packed_size) {
    fail(file_.source, fmt::format("the archive gives \"{}\" two different sizes", entry.name));
  }
  return reader.bytes(entry.size);
}

std::span<const std::byte> ZipArchive::checked_contents(const ZipEntry& entry) const {
  const auto bytes = contents(entry);
  if (crc32(bytes) != entry.crc) {
    fail(file_.source, fmt::format("the checksum of \"{}\" does not match", entry.name));
  }
  return bytes;
}

}  // namespace sapiens
