#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "checkpoint/zip.hpp"
#include "checkpoint/zip_layout.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::string_view kEndSignature("PK\x05\x06", 4);

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

// Finds the end record, 22 bytes and a comment of at most 65535, by searching backwards from
// `before`: torch.load uses the last one.
std::optional<std::uint64_t> find_end_record(std::string_view bytes, std::size_t before) noexcept {
  if (bytes.size() < zip::kEndOfDirectoryBytes || before == 0) return std::nullopt;
  const std::size_t last = bytes.size() - zip::kEndOfDirectoryBytes;
  const std::size_t first = last > 0xffff ? last - 0xffff : 0;
  const std::size_t from = std::min(last, before - 1);
  if (from < first) return std::nullopt;
  const std::size_t found = bytes.substr(first).rfind(kEndSignature, from - first);
  if (found == std::string_view::npos) return std::nullopt;
  return first + found;
}

std::optional<std::uint64_t> find_end_record(std::string_view bytes) noexcept {
  return find_end_record(bytes, bytes.size());
}

bool agrees(std::uint64_t in_short_record, std::uint64_t all_ones,
            std::uint64_t in_zip64) noexcept {
  return in_short_record == all_ones || in_short_record == in_zip64;
}

// The zip64 end record, where a locator in front of the plain end record points to one.
struct EndRecord64 {
  Directory directory;
  std::uint64_t position = 0;
};

std::optional<EndRecord64> read_end_record64(ByteReader reader, std::uint64_t end_record) {
  if (end_record < zip::kLocator64Bytes) return std::nullopt;
  const std::uint64_t locator = end_record - zip::kLocator64Bytes;
  reader.seek(locator);
  if (reader.u32() != zip::kLocator64) return std::nullopt;
  reader.bytes(4);  // disk number
  EndRecord64 record;
  record.position = reader.u64();
  reader.seek(record.position);
  if (reader.u32() != zip::kEndOfDirectory64) {
    fail(reader.source(), "the zip64 end record is not where the archive says");
  }
  const std::uint64_t length = reader.u64();  // the size of the rest of the record
  if (reader.position() > locator || locator - reader.position() != length) {
    fail(reader.source(), "the zip64 end record does not lead to the end of the archive",
         fmt::format("{} bytes from {}, its locator is at {}", length, reader.position(), locator));
  }
  reader.bytes(2 + 2 + 4 + 4 + 8);  // versions, disks, entries on this disk
  record.directory.count = reader.u64();
  record.directory.size = reader.u64();
  record.directory.offset = reader.u64();
  return record;
}

Directory read_end_record(const FileBytes& file, std::uint64_t end_record) {
  ByteReader reader(file.bytes, file.source);
  reader.seek(end_record);
  reader.bytes(4 + 2 + 2 + 2);  // signature, disks, entries on this disk
  Directory directory;
  directory.count = reader.u16();
  directory.size = reader.u32();
  directory.offset = reader.u32();
  std::uint64_t directory_end = end_record;
  if (const auto large = read_end_record64(ByteReader(file.bytes, file.source), end_record)) {
    if (!agrees(directory.count, zip::kSee64Short, large->directory.count) ||
        !agrees(directory.size, zip::kSee64, large->directory.size) ||
        !agrees(directory.offset, zip::kSee64, large->directory.offset)) {
      fail(file.source, "the archive has two end records that do not agree");
    }
    directory = large->directory;
    directory_end = large->position;
  }
  if (directory.offset > directory_end || directory.size != directory_end - directory.offset) {
    fail(file.source, "the zip table of contents is not in front of its end record",
         fmt::format("{} bytes from {}, the record is at {}", directory.size, directory.offset,
                     directory_end));
  }
  return directory;
}

// A comment that contains a second table of contents makes the file ambiguous, because readers
// would differ in which table they use. Old tables that an update left in the middle of a file are
// not in a comment.
void refuse_second_table(const FileBytes& file, std::uint64_t end_record) {
  const std::string_view text = as_text(file.bytes);
  for (auto other = find_end_record(text, end_record); other;
       other = find_end_record(text, *other)) {
    ByteReader reader(file.bytes, file.source);
    reader.seek(*other + zip::kEndOfDirectoryBytes - 2);
    if (*other + zip::kEndOfDirectoryBytes + reader.u16() != text.size()) continue;
    const auto is_table = [&] {
      try {
        read_end_record(file, *other);
        return true;
      } catch (const Error&) {
        return false;  // the signature occurs by chance
      }
    };
    if (is_table()) {
      fail(file.source, "the archive has two tables of contents",
           fmt::format("end records at {} and {}", *other, end_record));
    }
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
  const std::uint32_t packed_size = reader.u32();
  const std::uint32_t size = reader.u32();
  const std::uint16_t name_length = reader.u16();
  const std::uint16_t extra_length = reader.u16();
  const std::uint16_t comment_length = reader.u16();
  reader.bytes(2 + 2 + 4);  // disk, attributes
  const std::uint32_t header_offset = reader.u32();
  entry.name = reader.text(name_length);
  Zip64Numbers numbers(reader.bytes(extra_length), reader.source());
  entry.size = numbers.resolve(size);
  entry.packed_size = numbers.resolve(packed_size);
  entry.header_offset = numbers.resolve(header_offset);
  reader.bytes(comment_length);
  return entry;
}

// Members must not overlap. Shared bytes are how zip bombs are made and how one member's numbers
// would become another's; no valid writer makes them.
void set_limits(std::vector<ZipEntry>& entries, std::uint64_t directory_offset,
                const std::string& source) {
  std::vector<ZipEntry*> by_offset;
  by_offset.reserve(entries.size());
  for (ZipEntry& entry : entries) by_offset.push_back(&entry);
  std::ranges::sort(by_offset, {}, &ZipEntry::header_offset);

  for (std::size_t i = 0; i < by_offset.size(); ++i) {
    ZipEntry& entry = *by_offset[i];
    entry.limit = i + 1 < by_offset.size() ? by_offset[i + 1]->header_offset : directory_offset;
    const std::uint64_t header = zip::kLocalHeaderBytes + entry.name.size();
    const std::uint64_t room =
        entry.limit > entry.header_offset ? entry.limit - entry.header_offset : 0;
    if (room < header || room - header < entry.packed_size) {
      fail(source, fmt::format("the archive's member \"{}\" overlaps what follows it", entry.name),
           fmt::format("{} bytes from {}, but only {} up to the next", entry.packed_size,
                       entry.header_offset, room));
    }
  }
}

// The content of the first zip64 field: sizes and offsets that do not fit into 32 bits.
std::span<const std::byte> find_zip64_field(std::span<const std::byte> bytes,
                                            const std::string& source) {
  ByteReader extra(bytes, source);
  while (extra.remaining() >= 4) {
    const std::uint16_t id = extra.u16();
    const std::uint16_t length = extra.u16();
    if (id == zip::kZip64Field) return extra.bytes(length);
    if (length > extra.remaining()) break;  // padding that some writers add
    extra.bytes(length);
  }
  return {};
}

}  // namespace

Zip64Numbers::Zip64Numbers(std::span<const std::byte> extra, const std::string& source)
    : field_(find_zip64_field(extra, source), source) {}

std::uint64_t Zip64Numbers::resolve(std::uint32_t in_header) {
  return in_header == zip::kSee64 && field_.remaining() >= 8 ? field_.u64() : in_header;
}

bool has_zip_directory(std::span<const std::byte> bytes) noexcept {
  return find_end_record(as_text(bytes)).has_value();
}

ZipDirectory read_zip_directory(const FileBytes& file) {
  const auto end_record = find_end_record(as_text(file.bytes));
  if (!end_record) {
    fail(file.source, "the zip archive has no table of contents at its end",
         fmt::format("the file stops after {} bytes", file.bytes.size()));
  }
  const Directory directory = read_end_record(file, *end_record);
  refuse_second_table(file, *end_record);
  const auto table = file.bytes.subspan(directory.offset, directory.size);
  ZipDirectory read;
  read.bytes.assign(table.begin(), table.end());
  ByteReader reader(read.bytes, file.source);
  std::vector<ZipEntry>& entries = read.entries;
  while (reader.remaining() > 0) entries.push_back(read_directory_entry(reader));
  if (entries.size() != directory.count) {
    fail(file.source, "the zip table of contents is incomplete",
         fmt::format("{} entries of {}", entries.size(), directory.count));
  }
  set_limits(entries, directory.offset, file.source);
  return read;
}

}  // namespace sapiens
