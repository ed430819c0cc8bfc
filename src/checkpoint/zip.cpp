#include "checkpoint/zip.hpp"

#include <fmt/format.h>

#include <utility>

#include "checkpoint/zip_layout.hpp"
#include "core/byte_reader.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

[[noreturn]] void fail(const std::string& source, const ZipEntry& entry, std::string summary,
                       std::string expected = {}, std::string actual = {}) {
  throw Error(ErrorCode::CorruptFile, {.summary = std::move(summary),
                                       .file = source,
                                       .key = std::string(entry.name),
                                       .expected = std::move(expected),
                                       .actual = std::move(actual),
                                       .hint = "the file is damaged; download it again"});
}

std::string_view folder_of(std::string_view name) noexcept {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

void refuse_what_is_not_stored(const std::string& source, const ZipEntry& entry) {
  const bool encrypted = (entry.flags & zip::kEncryptedFlag) != 0;
  // A patch of another file, and headers without numbers, are for readers that know the rest.
  const bool unknown = (entry.flags & ~zip::kKnownFlags) != 0;
  if (entry.method == zip::kStored && !encrypted && !unknown) return;
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = encrypted                      ? "the archive is encrypted"
                          : entry.method != zip::kStored ? "the archive is compressed"
                                                         : "the archive has unknown flags",
               .file = source,
               .key = std::string(entry.name),
               .expected = "members that are stored as they are, as torch.save writes them",
               .actual = unknown ? fmt::format("flags {:04x}", entry.flags) : "",
               .hint = "load the file with torch.load and write it again with torch.save"});
}

/// The local header in front of a member's bytes.
struct LocalHeader {
  std::string_view name;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
};

// Leaves `reader` at the member's first byte.
LocalHeader read_local_header(ByteReader& reader, const ZipEntry& entry) {
  if (reader.u32() != zip::kLocalHeader) {
    fail(reader.source(), entry,
         fmt::format("the archive's member \"{}\" is not where it should be", entry.name));
  }
  LocalHeader header;
  reader.bytes(2);  // version
  header.flags = reader.u16();
  header.method = reader.u16();
  reader.bytes(2 + 2);  // time, date
  header.crc = reader.u32();
  const std::uint32_t packed_size = reader.u32();
  const std::uint32_t size = reader.u32();
  const std::uint16_t name_length = reader.u16();
  const std::uint16_t extra_length = reader.u16();
  header.name = reader.text(name_length);
  Zip64Numbers numbers(reader.bytes(extra_length), reader.source());
  header.size = numbers.resolve(size);
  header.packed_size = numbers.resolve(packed_size);
  return header;
}

// A header that leaves sizes and checksum to a descriptor behind the bytes has zeros there.
bool sizes_agree(const LocalHeader& header, const ZipEntry& entry, bool has_descriptor) noexcept {
  if (header.size == entry.size && header.packed_size == entry.packed_size) return true;
  const auto is_left_out = [](std::uint64_t size) { return size == 0 || size == zip::kSee64; };
  return has_descriptor && is_left_out(header.size) && is_left_out(header.packed_size);
}

// The local header and the directory entry must agree, because readers differ in which of them they
// use.
void compare(const LocalHeader& header, const ZipEntry& entry, const std::string& source) {
  const bool has_descriptor = (entry.flags & zip::kDescriptorFlag) != 0;
  const auto differs = [&](std::string_view what, std::string expected, std::string actual) {
    fail(source, entry, fmt::format("the archive gives a member two different {}", what),
         fmt::format("{} as in the table of contents", expected),
         fmt::format("{} in front of the member's bytes", actual));
  };
  if (header.name != entry.name) {
    differs("names", fmt::format("\"{}\"", entry.name),
            fmt::format("\"{}\"", header.name.substr(0, 100)));
  }
  if (header.method != entry.method) {
    differs("methods", std::to_string(entry.method), std::to_string(header.method));
  }
  // The compression level and the encoding of the name do not affect the data.
  if (((header.flags ^ entry.flags) & ~(zip::kLevelFlags | zip::kUtf8Flag)) != 0) {
    differs("sets of flags", fmt::format("{:04x}", entry.flags),
            fmt::format("{:04x}", header.flags));
  }
  if (!sizes_agree(header, entry, has_descriptor)) {
    differs("sizes", fmt::format("{} bytes, {} stored", entry.size, entry.packed_size),
            fmt::format("{} bytes, {} stored", header.size, header.packed_size));
  }
  if (header.crc != entry.crc && !(has_descriptor && header.crc == 0)) {
    differs("checksums", fmt::format("{:08x}", entry.crc), fmt::format("{:08x}", header.crc));
  }
}

// The length of the descriptor at the start of `bytes`, which repeats the directory entry, with or
// without a signature and with sizes of four or eight bytes; 0 where there is none. Without a
// checksum, a descriptor without a signature could also be the end of one that has it.
std::uint64_t descriptor_bytes(std::span<const std::byte> bytes, const ZipEntry& entry) {
  for (const std::uint64_t signature : {4, 0}) {
    if (signature == 0 && entry.crc == 0) continue;
    for (const std::uint64_t width : {4, 8}) {
      const std::uint64_t length = signature + 4 + 2 * width;
      if (bytes.size() < length) continue;
      ByteReader reader(bytes, "descriptor");
      if (signature != 0 && reader.u32() != zip::kDataDescriptor) continue;
      const auto size = [&] { return width == 4 ? reader.u32() : reader.u64(); };
      if (reader.u32() == entry.crc && size() == entry.packed_size && size() == entry.size) {
        return length;
      }
    }
  }
  return 0;
}

}  // namespace

ZipArchive::ZipArchive(FileBytes file)
    : file_(std::move(file)),
      directory_(read_zip_directory(file_)),
      members_(directory_.entries.size()) {
  for (std::size_t i = 0; i < entries().size(); ++i) {
    const ZipEntry& entry = entries()[i];
    if (!by_name_.emplace(entry.name, i).second) {
      fail(file_.source, entry, fmt::format("the archive holds \"{}\" twice", entry.name));
    }
    folder_has_checksums_[folder_of(entry.name)] |= entry.crc != 0;
  }
}

const ZipEntry* ZipArchive::find(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries()[found->second];
}

bool ZipArchive::has_checksum(const ZipEntry& entry) const {
  return entry.crc != 0 || entry.size == 0 || folder_has_checksums_.at(folder_of(entry.name));
}

// The data offset stands only in the local header; every other field is stored twice.
std::span<const std::byte> ZipArchive::locate(const ZipEntry& entry) const {
  refuse_what_is_not_stored(file_.source, entry);
  ByteReader reader(file_.bytes, file_.source);
  reader.seek(entry.header_offset);
  compare(read_local_header(reader, entry), entry, file_.source);
  if (entry.size != entry.packed_size) {
    fail(file_.source, entry,
         fmt::format("the archive gives \"{}\" two different sizes", entry.name));
  }
  const std::uint64_t begin = reader.position();
  if (begin > entry.limit || entry.size > entry.limit - begin) {
    fail(file_.source, entry,
         fmt::format("the archive's member \"{}\" overlaps what follows it", entry.name),
         fmt::format("an end at {} or before", entry.limit),
         fmt::format("{} bytes from {}", entry.size, begin));
  }
  const auto bytes = reader.bytes(entry.size);
  check_tail(entry, reader.position());
  file_.forget_around(entry.header_offset);
  return bytes;
}

// Between a member and the next one there may be only its descriptor. Without a checksum this is
// the only evidence that the bytes were not moved.
void ZipArchive::check_tail(const ZipEntry& entry, std::uint64_t data_end) const {
  std::uint64_t rest = entry.limit - data_end;
  if ((entry.flags & zip::kDescriptorFlag) != 0) {
    const std::uint64_t found = descriptor_bytes(file_.bytes.subspan(data_end, rest), entry);
    if (found == 0) {
      fail(file_.source, entry,
           "what the archive says behind a member is not what its table of contents says");
    }
    rest -= found;
    file_.forget_around(data_end);
  }
  if (rest > 0 && !has_checksum(entry)) {
    fail(file_.source, entry, "the archive has bytes behind a member that belong to none", {},
         fmt::format("{} bytes, and no checksum that tells where the member ends", rest));
  }
}

std::shared_ptr<StoredMember> ZipArchive::member(const ZipEntry& entry) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<StoredMember>& member =
      members_[static_cast<std::size_t>(&entry - entries().data())];
  if (!member) {
    const auto bytes = locate(entry);
    member = std::make_shared<StoredMember>(
        file_, std::string(entry.name), bytes,
        has_checksum(entry) ? std::optional(entry.crc) : std::nullopt);
  }
  return member;
}

std::span<const std::byte> ZipArchive::contents(const ZipEntry& entry) const {
  return member(entry)->bytes();
}

std::span<const std::byte> ZipArchive::checked_contents(const ZipEntry& entry) const {
  const auto checked = member(entry);
  checked->require_intact();
  return checked->bytes();
}

}  // namespace sapiens
