#include "fuzz/support/zip_model.hpp"

#include <algorithm>

#include "checkpoint/zip_layout.hpp"
#include "core/crc32.hpp"

namespace sapiens::fuzz {
namespace {

/// Numbers and texts at positions that may be outside of the archive, where all is 0 and empty.
struct Bytes {
  std::string_view all;

  std::uint64_t number(std::uint64_t at, std::size_t width) const {
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) {
      const bool inside = at < all.size() && i < all.size() - at;
      value = value << 8 | (inside ? static_cast<std::uint8_t>(all[at + i]) : 0);
    }
    return value;
  }
  std::string text(std::uint64_t at, std::uint64_t size) const {
    return std::string(at < all.size() ? all.substr(at, size) : std::string_view());
  }
};

struct Fields {
  std::string text;

  Fields& add(std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) text += static_cast<char>(value >> 8 * i);
    return *this;
  }
};

constexpr std::size_t kCentralBytes = 46;

// Without the zip64 field, which `to_bytes` makes again.
std::string other_extra_fields(const std::string& extra) {
  std::string kept;
  for (std::size_t at = 0; at < extra.size();) {
    const Bytes bytes{extra};
    const std::size_t length = 4 + bytes.number(at + 2, 2);
    if (bytes.number(at, 2) != zip::kZip64Field) kept += bytes.text(at, length);
    at += length;
  }
  return kept;
}

Member take_member(const Bytes& archive, std::uint64_t entry) {
  Member member;
  member.flags = static_cast<std::uint16_t>(archive.number(entry + 8, 2));
  member.method = static_cast<std::uint16_t>(archive.number(entry + 10, 2));
  member.descriptor = (member.flags & zip::kDescriptorFlag) != 0;
  const std::uint64_t name_size = archive.number(entry + 28, 2);
  const std::uint64_t extra_size = archive.number(entry + 30, 2);
  member.name = archive.text(entry + kCentralBytes, name_size);
  const std::string extra = archive.text(entry + kCentralBytes + name_size, extra_size);
  member.central_extra = other_extra_fields(extra);
  std::uint64_t size = archive.number(entry + 20, 4);
  std::uint64_t header = archive.number(entry + 42, 4);
  if (size == zip::kSee64 && Bytes{extra}.number(0, 2) == zip::kZip64Field) {
    member.zip64 = true;
    size = Bytes{extra}.number(12, 8);
    if (header == zip::kSee64) header = Bytes{extra}.number(20, 8);
  }
  const std::uint64_t local_name = archive.number(header + 26, 2);
  const std::uint64_t local_extra = archive.number(header + 28, 2);
  const std::uint64_t start = header + zip::kLocalHeaderBytes + local_name;
  member.local_extra = other_extra_fields(archive.text(start, local_extra));
  member.bytes = archive.text(start + local_extra, size);
  member.unpacked_crc = static_cast<std::uint32_t>(archive.number(entry + 16, 4));
  member.unpacked_size = archive.number(entry + 24, 4);
  member.no_checksum = member.unpacked_crc == 0 && !member.bytes.empty();
  return member;
}

void add_member(Fields& out, Fields& table, const Member& member) {
  const std::uint64_t offset = out.text.size();
  const bool stored = member.method == zip::kStored;
  const std::uint32_t found =
      stored ? crc32(std::as_bytes(std::span(member.bytes))) : member.unpacked_crc;
  const std::uint32_t crc = member.no_checksum ? 0 : found;
  const std::uint64_t packed = member.bytes.size();
  const std::uint64_t size = stored ? packed : member.unpacked_size;
  const std::uint64_t short_packed = member.zip64 ? zip::kSee64 : packed;
  const std::uint64_t short_size = member.zip64 ? zip::kSee64 : size;
  const auto flags = static_cast<std::uint16_t>((member.flags & ~zip::kDescriptorFlag) |
                                                (member.descriptor ? zip::kDescriptorFlag : 0));
  Fields sizes;
  if (member.zip64) sizes.add(zip::kZip64Field, 2).add(16, 2).add(size, 8).add(packed, 8);
  const std::string local = sizes.text + member.local_extra;
  const std::string central = sizes.text + member.central_extra;

  out.add(zip::kLocalHeader, 4).add(20, 2).add(flags, 2).add(member.method, 2).add(0, 4);
  out.add(crc, 4).add(short_packed, 4).add(short_size, 4);
  out.add(member.name.size(), 2).add(local.size(), 2);
  out.text += member.name + local + member.bytes;
  if (member.descriptor) {
    const std::size_t width = member.zip64 ? 8 : 4;
    out.add(zip::kDataDescriptor, 4).add(crc, 4).add(packed, width).add(size, width);
  }
  table.add(zip::kDirectoryEntry, 4).add(20, 2).add(20, 2).add(flags, 2).add(member.method, 2);
  table.add(0, 4).add(crc, 4).add(short_packed, 4).add(short_size, 4);
  table.add(member.name.size(), 2).add(central.size(), 2).add(0, 2).add(0, 8).add(offset, 4);
  table.text += member.name + central;
}

}  // namespace

Zip take_zip_apart(std::string_view archive) {
  constexpr std::size_t kMaxMembers = 1000;
  const Bytes bytes{archive};
  Zip zip;
  const std::size_t end = archive.rfind(std::string_view("PK\x05\x06", 4));
  if (end == std::string_view::npos) return zip;
  zip.comment = bytes.text(end + zip::kEndOfDirectoryBytes, bytes.number(end + 20, 2));
  std::uint64_t entry = bytes.number(end + 16, 4);
  if (end >= zip::kLocator64Bytes &&
      bytes.number(end - zip::kLocator64Bytes, 4) == zip::kLocator64) {
    zip.end_record64 = true;
    entry = bytes.number(bytes.number(end - zip::kLocator64Bytes + 8, 8) + 48, 8);
  }
  while (bytes.number(entry, 4) == zip::kDirectoryEntry && zip.members.size() < kMaxMembers) {
    zip.members.push_back(take_member(bytes, entry));
    entry += kCentralBytes + bytes.number(entry + 28, 2) + bytes.number(entry + 30, 2) +
             bytes.number(entry + 32, 2);
  }
  return zip;
}

std::string to_bytes(const Zip& zip) {
  Fields out, table;
  for (const Member& member : zip.members) add_member(out, table, member);
  const std::uint64_t offset = out.text.size(), count = zip.members.size();
  out.text += table.text;
  if (zip.end_record64) {
    const std::uint64_t record = out.text.size();
    out.add(zip::kEndOfDirectory64, 4).add(44, 8).add(45, 2).add(45, 2).add(0, 8);
    out.add(count, 8).add(count, 8).add(table.text.size(), 8).add(offset, 8);
    out.add(zip::kLocator64, 4).add(0, 4).add(record, 8).add(1, 4);
  }
  out.add(zip::kEndOfDirectory, 4).add(0, 4).add(count, 2).add(count, 2);
  out.add(table.text.size(), 4).add(offset, 4).add(zip.comment.size(), 2);
  out.text += zip.comment;
  return out.text;
}

}  // namespace sapiens::fuzz
