#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "checkpoint/byte_writer.hpp"
#include "checkpoint/number_types.hpp"
#include "checkpoint/write.hpp"
#include "checkpoint/write_sources.hpp"
#include "core/atomic_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kHeaderAlignment = 64;
constexpr std::string_view kMetadata = "__metadata__";

// Sorts wide elements first and otherwise keeps the given order. The format allows no gaps, and a
// loader that maps the file needs every tensor aligned to its element.
std::vector<const TensorSource*> by_alignment(std::span<const TensorSource> tensors) {
  std::vector<const TensorSource*> order;
  for (const TensorSource& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [](const TensorSource* tensor) { return dtype_size(tensor->dtype); });
  return order;
}

std::string make_header(std::span<const TensorSource* const> order,
                        const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadata)] = metadata;
  // Access by name would compare every name with all others; they are known to be different.
  auto& members = header.get_ref<ordered_json::object_t&>();
  std::uint64_t begin = 0;
  for (const TensorSource* tensor : order) {
    if (tensor->key == kMetadata) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "safetensors keeps this name for its metadata", .key = tensor->key});
    }
    const std::uint64_t end = begin + byte_size(*tensor);
    members.emplace_back(tensor->key, ordered_json{{"dtype", names_of(tensor->dtype).safetensors},
                                                   {"shape", tensor->shape},
                                                   {"data_offsets", {begin, end}}});
    begin = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const ordered_json::exception& error) {
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = "a name or metadata entry is not valid UTF-8, which safetensors requires",
         .actual = error.what()});
  }
  text.append((kHeaderAlignment - (text.size() + 8) % kHeaderAlignment) % kHeaderAlignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                       const std::map<std::string, std::string>& metadata,
                       const WriteProgress& progress) {
  check_sources(tensors);
  const auto order = by_alignment(tensors);
  const std::string header = make_header(order, metadata);
  ByteWriter start;
  start.u64(header.size());
  start.text(header);

  AtomicFile file(path);
  file.write(start.bytes());
  const std::uint64_t total = total_bytes(tensors);
  std::uint64_t done = 0;
  for (const TensorSource* tensor : order) {
    stream_tensor(*tensor, [&](std::span<const std::byte> bytes) { file.write(bytes); });
    done += byte_size(*tensor);
    if (progress) progress(done, total);
  }
  file.commit();
}

}  // namespace sapiens
