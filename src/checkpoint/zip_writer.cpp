#include "checkpoint/zip_writer.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "checkpoint/zip_layout.hpp"
#include "core/crc32.hpp"

namespace sapiens {
namespace {

constexpr std::uint64_t kMemberAlignment = 64;
constexpr std::uint16_t kVersion = 45;           // the first with zip64
constexpr std::uint16_t kPaddingField = 0x4246;  // "FB", the extra field torch.save pads with
constexpr std::uint64_t kFieldHeader = 4;
constexpr std::uint64_t kCrcOffset = 14;  // the checksum's offset in a local header
// The earliest date of the format instead of the current time, so that equal content gives equal
// files.
constexpr std::uint16_t kTime = 0;
constexpr std::uint16_t kDate = 0x0021;

bool needs_64(std::uint64_t value) noexcept { return value >= zip::kSee64; }

std::uint32_t short_field(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, zip::kSee64));
}

// Writes the fields from the version to the sizes, which local header and directory share.
void put_common(ByteWriter& out, std::uint32_t crc, std::uint64_t size) {
  out.u16(zip::kUtf8Flag);
  out.u16(zip::kStored);
  out.u16(kTime);
  out.u16(kDate);
  out.u32(crc);
  out.u32(short_field(size));
  out.u32(short_field(size));
}

}  // namespace

ZipWriter::ZipWriter(const std::filesystem::path& path) : file_(path) {}

void ZipWriter::begin(std::string name, std::uint64_t size) {
  const std::uint64_t size_field = needs_64(size) ? kFieldHeader + 16 : 0;
  const std::uint64_t unpadded =
      position_ + zip::kLocalHeaderBytes + name.size() + size_field + kFieldHeader;
  const std::uint64_t padding = (kMemberAlignment - unpadded % kMemberAlignment) % kMemberAlignment;

  ByteWriter header;
  header.u32(zip::kLocalHeader);
  header.u16(kVersion);
  put_common(header, 0, size);
  header.u16(static_cast<std::uint16_t>(name.size()));
  header.u16(static_cast<std::uint16_t>(size_field + kFieldHeader + padding));
  header.text(name);
  if (size_field != 0) {
    header.u16(zip::kZip64Field);
    header.u16(16);
    header.u64(size);
    header.u64(size);
  }
  header.u16(kPaddingField);
  header.u16(static_cast<std::uint16_t>(padding));
  header.fill(padding, 'Z');

  members_.push_back({.name = std::move(name), .offset = position_, .size = size});
  written_ = 0;
  append(header.bytes());
}

void ZipWriter::write(std::span<const std::byte> bytes) {
  members_.back().crc = crc32(bytes, members_.back().crc);
  written_ += bytes.size();
  append(bytes);
}

void ZipWriter::end() {
  assert(written_ == members_.back().size);
  ByteWriter crc;
  crc.u32(members_.back().crc);
  file_.rewrite(members_.back().offset + kCrcOffset, crc.bytes());
}

void ZipWriter::add(std::string name, std::span<const std::byte> bytes) {
  begin(std::move(name), bytes.size());
  write(bytes);
  end();
}

void ZipWriter::finish() {
  const std::uint64_t offset = position_;
  ByteWriter directory;
  for (const Member& member : members_) describe(directory, member);
  const std::uint64_t size = directory.size();
  describe_end(directory, members_.size(), offset, size);
  append(directory.bytes());
  file_.commit();
}

void ZipWriter::append(std::span<const std::byte> bytes) {
  file_.write(bytes);
  position_ += bytes.size();
}

void ZipWriter::describe(ByteWriter& out, const Member& member) {
  ByteWriter large;
  if (needs_64(member.size)) {
    large.u64(member.size);
    large.u64(member.size);
  }
  if (needs_64(member.offset)) large.u64(member.offset);

  out.u32(zip::kDirectoryEntry);
  out.u16(kVersion);
  out.u16(kVersion);
  put_common(out, member.crc, member.size);
  out.u16(static_cast<std::uint16_t>(member.name.size()));
  out.u16(static_cast<std::uint16_t>(large.size() == 0 ? 0 : kFieldHeader + large.size()));
  out.u16(0);  // comment
  out.u16(0);  // disk
  out.u16(0);  // internal attributes
  out.u32(0);  // external attributes
  out.u32(short_field(member.offset));
  out.text(member.name);
  if (large.size() == 0) return;
  out.u16(zip::kZip64Field);
  out.u16(static_cast<std::uint16_t>(large.size()));
  out.append(large.bytes());
}

void ZipWriter::describe_end(ByteWriter& out, std::uint64_t count, std::uint64_t offset,
                             std::uint64_t size) {
  const bool many = count >= zip::kSee64Short;
  if (many || needs_64(offset) || needs_64(size)) {
    out.u32(zip::kEndOfDirectory64);
    out.u64(zip::kEndOfDirectory64Bytes - 12);  // the size of the rest of the record
    out.u16(kVersion);
    out.u16(kVersion);
    out.u32(0);  // disks
    out.u32(0);
    out.u64(count);
    out.u64(count);
    out.u64(size);
    out.u64(offset);
    out.u32(zip::kLocator64);
    out.u32(0);
    out.u64(offset + size);
    out.u32(1);
  }
  const auto short_count = many ? zip::kSee64Short : static_cast<std::uint16_t>(count);
  out.u32(zip::kEndOfDirectory);
  out.u16(0);
  out.u16(0);
  out.u16(short_count);
  out.u16(short_count);
  out.u32(short_field(size));
  out.u32(short_field(offset));
  out.u16(0);  // comment
}

}  // namespace sapiens
