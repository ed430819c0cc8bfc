#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "checkpoint/graph_tensors.hpp"
#include "checkpoint/readers.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "core/byte_reader.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::string_view kPickle = "/data.pkl";

// Every member lives under one folder, named after the file that was written or just "archive".
std::optional<std::string_view> top_folder(const ZipArchive& archive) noexcept {
  for (const ZipEntry& entry : archive.entries()) {
    const std::size_t slash = entry.name.find('/');
    if (slash != std::string_view::npos && entry.name.substr(slash) == kPickle) {
      return entry.name.substr(0, slash);
    }
  }
  return std::nullopt;
}

// torch.load uses the folder that comes first and other readers one of a fixed name, so two are
// refused.
void refuse_second_pickle(const ZipArchive& archive, std::string_view folder) {
  for (const ZipEntry& entry : archive.entries()) {
    const std::size_t slash = entry.name.find('/');
    if (slash == std::string_view::npos || entry.name.substr(slash) != kPickle) continue;
    if (entry.name.substr(0, slash) == folder) continue;
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "the archive holds several checkpoints",
                 .file = archive.file().source,
                 .key = std::string(entry.name),
                 .expected = "one data.pkl",
                 .actual = fmt::format("{}{} and {}", folder, kPickle, entry.name),
                 .hint = "save one checkpoint per file"});
  }
}

// Names in the table of contents have no checksum. A damaged name must not make a record look
// absent.
void compare_names_but_storages(const ZipArchive& archive, std::string_view folder) {
  const std::string storages = fmt::format("{}/data/", folder);
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.starts_with(storages) && entry.method == 0) archive.member(entry);
  }
}

StorageBytes find_storage(const ZipArchive& archive, std::string_view folder, bool byte_swapped,
                          const StorageRef& storage) {
  StorageBytes found{.byte_swapped = byte_swapped,
                     .location = fmt::format("{}/data/{}", folder, storage.key)};
  if (storage.view_count) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "a storage is a view of another one, which only old files have",
                 .file = archive.file().source,
                 .key = found.location});
  }
  const ZipEntry* const entry = archive.find(found.location);
  if (entry == nullptr) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the archive lacks the data of a tensor",
                                         .file = archive.file().source,
                                         .key = found.location});
  }
  found.member = archive.member(*entry);
  found.bytes = found.member->bytes();
  const std::size_t element = std::max<std::size_t>(storage.element, 1);
  if (found.bytes.size() / element < static_cast<std::uint64_t>(storage.count)) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "a tensor's data are shorter than the file says",
                 .file = archive.file().source,
                 .key = found.location,
                 .expected = fmt::format("{} elements of {} bytes", storage.count, element),
                 .actual = fmt::format("{} bytes", found.bytes.size())});
  }
  return found;
}

// TorchScript stores values that are not attributes of a module by number. In a frozen module these
// are all parameters, which became constants of the code.
void note_constants(const ZipArchive& archive, std::string_view folder, StateDict& out) {
  const ZipEntry& entry = *archive.find(fmt::format("{}/constants.pkl", folder));
  ByteReader reader(archive.checked_contents(entry),
                    fmt::format("{}: {}", archive.file().source, entry.name));
  const PickleGraph graph = read_pickle(reader);
  const TensorBuilder builder(
      graph, [](const StorageRef&) { return StorageBytes{}; }, archive.file().source);
  const std::size_t count = GraphTensors(graph, builder).count_left();
  if (count == 0) return;
  const bool frozen = out.tensors.empty();
  out.unreached.push_back(
      {.what = fmt::format("{} tensor{} without a name among the constants of TorchScript ({}/"
                           "constants/){}",
                           count, count == 1 ? "" : "s", folder,
                           frozen ? ", as freezing leaves a model" : ""),
       .hint = frozen ? "export the model again without torch.jit.freeze and "
                        "torch.jit.optimize_for_inference, which drop the names of the weights"
                      : ""});
}

bool is_script(const ZipArchive& archive, std::string_view folder) {
  return archive.find(fmt::format("{}/constants.pkl", folder)) != nullptr;
}

}  // namespace

bool is_big_endian(const ZipArchive& archive, std::string_view folder) {
  const ZipEntry* const record = archive.find(fmt::format("{}/byteorder", folder));
  if (record == nullptr) {
    compare_names_but_storages(archive, folder);
    return false;  // before torch 2.0 files are always little-endian
  }
  const std::string_view order = as_text(archive.checked_contents(*record));
  if (order == "little") return false;
  if (order == "big") return true;
  throw Error(ErrorCode::CorruptFile, {.summary = "the byte order record is neither little nor big",
                                       .file = archive.file().source,
                                       .key = std::string(record->name),
                                       .actual = std::string(order.substr(0, 20))});
}

bool is_torch_zip(const ZipArchive& archive) noexcept { return top_folder(archive).has_value(); }

void read_torch_zip(const ZipArchive& archive, StateDict& out) {
  const std::string_view folder = *top_folder(archive);
  refuse_second_pickle(archive, folder);
  out.format =
      is_script(archive, folder) ? CheckpointFormat::TorchScript : CheckpointFormat::TorchZip;
  const bool byte_swapped = is_big_endian(archive, folder);
  const ZipEntry& entry = *archive.find(fmt::format("{}{}", folder, kPickle));
  ByteReader reader(archive.checked_contents(entry),
                    fmt::format("{}: {}", archive.file().source, entry.name));
  const PickleGraph graph = read_pickle(reader);
  // The reader of TorchScript lets every tensor have its own type.
  if (out.format == CheckpointFormat::TorchZip) {
    refuse_storages_of_two_types(graph, archive.file().source);
  }
  const TensorBuilder builder(
      graph,
      [&](const StorageRef& storage) {
        return find_storage(archive, folder, byte_swapped, storage);
      },
      archive.file().source);
  flatten(graph, builder, archive.file().source, out);
  if (out.format == CheckpointFormat::TorchScript) note_constants(archive, folder, out);
}

}  // namespace sapiens
