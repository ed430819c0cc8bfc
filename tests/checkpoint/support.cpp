#include "checkpoint/support.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

#include "checkpoint/byte_writer.hpp"
#include "checkpoint/readers.hpp"
#include "checkpoint/zip_writer.hpp"
#include "core/byte_reader.hpp"
#include "core/crc32.hpp"
#include "core/shape.hpp"

namespace sapiens::test {

std::filesystem::path fixture(std::string_view name) {
  return std::filesystem::path(SAPIENS_TEST_DATA) / "checkpoints" / name;
}

Bytes load(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return to_bytes(text);
}

Bytes to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

StateDict parse(std::span<const std::byte> bytes) {
  StateDict state;
  read_checkpoint({.bytes = bytes, .source = "memory"}, state);
  return state;
}

StateDict parse(std::string_view text) { return parse(std::as_bytes(std::span(text))); }

std::optional<Error> error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

std::ostream& operator<<(std::ostream& out, const Described& described) {
  return out << described.dtype << shape_text(described.shape) << " " << described.hex;
}

std::map<std::string, Described> read_expected(std::string_view name) {
  std::ifstream file(fixture(name));
  std::map<std::string, Described> expected;
  const auto document = nlohmann::json::parse(file);
  for (const auto& [key, value] : document.items()) {
    expected[key] = {
        .dtype = value.at("dtype"), .shape = value.at("shape"), .hex = value.at("hex")};
  }
  return expected;
}

std::map<std::string, Described> describe(const StateDict& state, std::string_view container) {
  std::map<std::string, Described> described;
  for (const TensorEntry& tensor : state.tensors) {
    if (tensor.container != container) continue;
    Bytes bytes(static_cast<std::size_t>(tensor.numel()) * dtype_size(tensor.dtype));
    read_raw(tensor, 0, bytes);
    std::string hex;
    for (const std::byte byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
    described[tensor.key] = {std::string(dtype_name(tensor.dtype)), tensor.shape, hex};
  }
  return described;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "sapiens-XXXXXX").string();
  path_ = ::mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Bytes torch_zip(std::string_view pickle, const Bytes& first_storage) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "archive.pth";
  ZipWriter zip(path);
  zip.add("archive/data.pkl", std::as_bytes(std::span(pickle)));
  zip.add("archive/data/0", first_storage);
  zip.add("archive/data/1", Bytes(64));
  zip.finish();
  return load(path);
}

namespace {

constexpr std::uint16_t kHasDescriptor = 8;

void put_sizes(ByteWriter& out, std::uint32_t crc, std::size_t size) {
  out.u32(crc);
  out.u32(static_cast<std::uint32_t>(size));
  out.u32(static_cast<std::uint32_t>(size));
}

}  // namespace

Bytes raw_zip(std::span<const RawMember> members, std::string_view comment) {
  ByteWriter out;
  ByteWriter directory;
  for (const RawMember& member : members) {
    const auto offset = static_cast<std::uint32_t>(out.size());
    const std::uint32_t crc = member.crc.value_or(crc32(member.bytes));
    const std::uint16_t flags = member.descriptor ? kHasDescriptor : 0;
    for (ByteWriter* const header : {&out, &directory}) {
      const bool local = header == &out;
      header->u32(local ? 0x04034b50 : 0x02014b50);
      if (!local) header->u16(20);
      header->u16(20);
      header->u16(flags);
      header->u16(0);  // stored
      header->u32(0);  // time and date
      local&& member.descriptor ? put_sizes(*header, 0, 0)
                                : put_sizes(*header, crc, member.bytes.size());
      header->u16(static_cast<std::uint16_t>(member.name.size()));
      header->u16(local ? static_cast<std::uint16_t>(member.local_extra.size()) : 0);
    }
    directory.fill(2 + 2 + 2 + 4, '\0');  // comment, disk, attributes
    directory.u32(offset);
    directory.text(member.name);
    out.text(member.name);
    out.text(member.local_extra);
    out.append(member.bytes);
    if (!member.descriptor) continue;
    out.u32(0x08074b50);
    put_sizes(out, crc, member.bytes.size());
  }
  const auto offset = static_cast<std::uint32_t>(out.size());
  out.append(directory.bytes());
  out.u32(0x06054b50);
  out.u32(0);
  out.u16(static_cast<std::uint16_t>(members.size()));
  out.u16(static_cast<std::uint16_t>(members.size()));
  out.u32(static_cast<std::uint32_t>(directory.size()));
  out.u32(offset);
  out.u16(static_cast<std::uint16_t>(comment.size()));
  out.text(comment);
  return {out.bytes().begin(), out.bytes().end()};
}

std::size_t directory_entry(std::span<const std::byte> zip, std::string_view name) {
  constexpr std::string_view kSignature("PK\x01\x02", 4);
  const std::string_view text = as_text(zip);
  for (std::size_t at = text.find(kSignature); at != text.npos;
       at = text.find(kSignature, at + 1)) {
    ByteReader reader(zip, "zip");
    reader.seek(at + 28);
    const std::uint16_t length = reader.u16();
    if (length == name.size() && text.substr(at + 46, length) == name) return at;
  }
  ADD_FAILURE() << "no member " << name;
  return 0;
}

std::size_t local_header(std::span<const std::byte> zip, std::string_view name) {
  ByteReader reader(zip, "zip");
  reader.seek(directory_entry(zip, name) + 42);
  return reader.u32();
}

std::string pickle_of_three() {
  const auto tensor = [](std::string_view key, std::string_view storage, int offset, int size) {
    // torch._utils._rebuild_tensor_v2(storage, offset, (size,), (1,), False, {})
    return fmt::format(
        "X{}{}ctorch._utils\n_rebuild_tensor_v2\n((X{}storagectorch\nFloatStorage\nX{}{}X{}cpuK{}tQ"
        "K{}K{}\x85K{}\x85\x89}}tR",
        std::string("\x01\0\0\0", 4), key, std::string("\x07\0\0\0", 4),
        std::string("\x01\0\0\0", 4), storage, std::string("\x03\0\0\0", 4), '\x04',
        static_cast<char>(offset), static_cast<char>(size), '\x01');
  };
  return "\x80\x02}(" + tensor("a", "0", 0, 4) + tensor("b", "0", 2, 2) + tensor("c", "1", 0, 4) +
         "u.";
}

std::string pickled_tensor(std::string_view storage, std::string_view more) {
  return fmt::format(
      "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\n{}\nS'0'\nS'cpu'\nI4\ntQ"
      "I0\n(I4\nt(I1\ntI00\nccollections\nOrderedDict\n(tR{}tR",
      storage, more);
}

std::string pickled_dict(std::string_view key, const std::string& value) {
  return fmt::format("}}S'{}'\n{}s", key, value);
}

}  // namespace sapiens::test
