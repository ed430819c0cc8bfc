#include <utility>

#include "checkpoint/identify.hpp"
#include "checkpoint/readers.hpp"
#include "checkpoint/state_dict.hpp"
#include "checkpoint/truncated_zip.hpp"
#include "core/byte_reader.hpp"
#include "core/file_map.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

void read_archive(const FileBytes& file, StateDict& out) {
  refuse_truncated_zip(file);
  const auto archive = std::make_shared<const ZipArchive>(file);
  out.archives.push_back(archive);
  if (is_torch_export(*archive)) return read_torch_export(*archive, out);
  if (is_torch_zip(*archive)) return read_torch_zip(*archive, out);
  refuse_archive(*archive);
}

}  // namespace

std::string_view format_name(CheckpointFormat format) noexcept {
  switch (format) {
    case CheckpointFormat::TorchZip:
      return "PyTorch zip";
    case CheckpointFormat::TorchLegacy:
      return "PyTorch legacy";
    case CheckpointFormat::TorchScript:
      return "TorchScript";
    case CheckpointFormat::TorchExport:
      return "torch.export";
    case CheckpointFormat::Safetensors:
      return "safetensors";
  }
  return "?";
}

void read_checkpoint(const FileBytes& file, StateDict& out) {
  const std::string_view text = as_text(file.bytes);
  if (looks_like_zip(text)) {
    read_archive(file, out);
  } else if (looks_like_safetensors(text)) {
    read_safetensors(file, out);
  } else if (looks_like_torch_legacy(text)) {
    read_torch_legacy(file, out);
  } else {
    refuse_file(file);
  }
  for (TensorEntry& tensor : out.tensors) {
    tensor.mapped = file.mapped;
    if (tensor.member) tensor.member->add_tensor(tensor.path());
  }
}

StateDict open_checkpoint(const std::filesystem::path& path) {
  refuse_folder(path);
  refuse_distributed(path);
  const auto map = std::make_shared<const FileMap>(path);
  map->expect_random_access();
  StateDict out;
  out.path = path.string();
  out.file_bytes = map->bytes().size();
  out.mapping = map;
  read_checkpoint({.bytes = map->bytes(), .mapped = true, .source = out.path}, out);
  map->expect_normal_access();
  return out;
}

}  // namespace sapiens
