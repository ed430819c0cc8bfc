#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "checkpoint/readers.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "core/byte_reader.hpp"
#include "sapiens/error.hpp"

// The stream that torch.save wrote before 1.6 (and writes when asked not to use zip):
//   magic number, protocol version, system info, the object, the keys of its storages: one pickle
//   each; then per storage its number of elements (int64) and its bytes, little-endian.
namespace sapiens {
namespace {

constexpr std::string_view kMagicBytes("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::string_view kMagicDigits = "119547037146038801333356L";  // protocol 0
constexpr std::int64_t kProtocolVersion = 1001;

using Storages = std::map<std::string, StorageBytes, std::less<>>;

void expect_magic(ByteReader& reader) {
  const PickleGraph graph = read_pickle(reader);
  const PickleNode& root = graph[graph.root];
  if (root.kind == PickleKind::BigInt && (root.text == kMagicBytes || root.text == kMagicDigits)) {
    return;
  }
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = "the file is not a PyTorch checkpoint",
               .file = reader.source(),
               .actual = "a plain Python pickle, as pickle.dump writes it",
               .hint = "load it in Python and write it again with torch.save"});
}

void expect_protocol(ByteReader& reader) {
  const PickleGraph graph = read_pickle(reader);
  const PickleNode& root = graph[graph.root];
  if (root.kind == PickleKind::Int && root.integer == kProtocolVersion) return;
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = "the PyTorch file has an unknown protocol version",
               .file = reader.source(),
               .expected = std::to_string(kProtocolVersion),
               .hint = "load it with torch.load and write it again with torch.save"});
}

// Only the object holds the element sizes of the storages.
std::map<std::string, std::size_t, std::less<>> element_sizes(const PickleGraph& graph,
                                                              const std::string& source) {
  std::map<std::string, std::size_t, std::less<>> sizes;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto storage = read_storage_ref(graph, id, source);
    if (!storage) continue;
    if (storage->element == 0) {
      throw Error(ErrorCode::UnsupportedFormat,
                  {.summary = "the file holds a storage of an unknown type, so what comes after it "
                              "cannot be found",
                   .file = source,
                   .key = std::string(storage->key),
                   .actual = std::string(storage->type),
                   .hint = "load it with torch.load and write it again with torch.save"});
    }
    sizes.emplace(std::string(storage->key), storage->element);
  }
  return sizes;
}

std::vector<std::string> read_keys(ByteReader& reader) {
  const PickleGraph graph = read_pickle(reader);
  std::vector<std::string> keys;
  for (const NodeId id : graph.items(graph.root)) keys.emplace_back(graph[id].text);
  return keys;
}

Storages read_storages(ByteReader& reader, const FileBytes& file, const PickleGraph& object) {
  const auto sizes = element_sizes(object, reader.source());
  Storages storages;
  for (const std::string& key : read_keys(reader)) {
    const auto size = sizes.find(key);
    if (size == sizes.end()) {
      throw Error(
          ErrorCode::CorruptFile,
          {.summary = "the file holds an unused storage", .file = reader.source(), .key = key});
    }
    file.forget_around(reader.position());
    const std::uint64_t count = reader.u64();
    const std::uint64_t position = reader.position();
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, size->second, &bytes)) bytes = ~std::uint64_t{0};
    const auto [_, inserted] = storages.emplace(
        key,
        StorageBytes{.bytes = reader.bytes(bytes), .location = fmt::format("byte {}", position)});
    if (inserted) continue;
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the file holds a storage twice", .file = reader.source(), .key = key});
  }
  return storages;
}

StorageBytes find_storage(const Storages& storages, const StorageRef& wanted,
                          const std::string& source) {
  const auto fail = [&](const char* summary) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = summary, .file = source, .key = std::string(wanted.key)});
  };
  const auto found = storages.find(wanted.key);
  if (found == storages.end()) fail("the file lacks the data of a tensor");
  StorageBytes storage = found->second;
  const std::size_t element = std::max<std::size_t>(wanted.element, 1);
  const std::size_t count = storage.bytes.size() / element;
  if (!wanted.view_count) {
    if (static_cast<std::uint64_t>(wanted.count) > count) {
      fail("a tensor's data are shorter than the file says");
    }
    return storage;
  }
  const auto offset = static_cast<std::uint64_t>(wanted.view_offset);
  const auto length = static_cast<std::uint64_t>(*wanted.view_count);
  if (offset > count || length > count - offset) fail("a window onto a storage reaches outside");
  storage.bytes = storage.bytes.subspan(offset * element, length * element);
  return storage;
}

}  // namespace

void read_torch_legacy(const FileBytes& file, StateDict& out) {
  out.format = CheckpointFormat::TorchLegacy;
  ByteReader reader(file.bytes, file.source);
  expect_magic(reader);
  expect_protocol(reader);
  read_pickle(reader);  // system info: the data are little-endian whatever it says
  const PickleGraph object = read_pickle(reader);
  refuse_storages_of_two_types(object, file.source);
  const Storages storages = read_storages(reader, file, object);
  const TensorBuilder builder(
      object, [&](const StorageRef& wanted) { return find_storage(storages, wanted, file.source); },
      file.source);
  flatten(object, builder, file.source, out);
}

}  // namespace sapiens
