#include "checkpoint/support.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

#include "checkpoint/readers.hpp"
#include "checkpoint/zip_writer.hpp"
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
  read_checkpoint({.bytes = bytes, .mapped = false, .source = "memory"}, state);
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
