#include "checkpoint/identify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <system_error>
#include <utility>

#include "core/byte_reader.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::size_t kHeadBytes = 1024;

constexpr std::string_view kConvertDistributed =
    "python -m torch.distributed.checkpoint.format_utils dcp_to_torch";

struct Signature {
  std::string_view bytes;
  std::size_t offset;
  std::string_view looks_like;
  std::string_view hint;
};

constexpr std::string_view kUnpack = "unpack it first";
constexpr std::string_view kImage = "this is an image; pass it where an image is wanted";
constexpr std::string_view kNeedPth =
    "use the PyTorch checkpoint (.pth, .pt2) or the safetensors file of the same model";

constexpr std::array kSignatures = {
    Signature{"\x1f\x8b", 0, "a gzip archive", kUnpack},
    Signature{"BZh", 0, "a bzip2 archive", kUnpack},
    Signature{"\xfd"
              "7zXZ",
              0, "an xz archive", kUnpack},
    Signature{"\x28\xb5\x2f\xfd", 0, "a zstd archive", kUnpack},
    Signature{"7z\xbc\xaf\x27\x1c", 0, "a 7z archive", kUnpack},
    Signature{"Rar!", 0, "a RAR archive", kUnpack},
    Signature{"\x89HDF\r\n\x1a\n", 0, "an HDF5 file (Keras, or MATLAB)", kNeedPth},
    Signature{"GGUF", 0, "a GGUF model of llama.cpp", kNeedPth},
    Signature{"lmgg", 0, "a GGML model", kNeedPth},
    Signature{"\x93NUMPY", 0, "a NumPy array", "a checkpoint has many tensors; this is one array"},
    Signature{"TFL3", 4, "a TensorFlow Lite model", kNeedPth},
    Signature{"ftrt", 0, "a TensorRT engine", kNeedPth},
    Signature{"\x89PNG", 0, "a PNG image", kImage},
    Signature{"\xff\xd8\xff", 0, "a JPEG image", kImage},
    Signature{"WEBP", 8, "a WebP image", kImage},
    Signature{"%PDF", 0, "a PDF document", ""},
    Signature{"\x7f"
              "ELF",
              0, "a program or library", ""},
};

[[noreturn]] void refuse(const std::string& source, std::string_view looks_like,
                         std::string_view hint) {
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "the file is not a checkpoint",
                                             .file = source,
                                             .expected = "a .pth, .pt2 or safetensors file",
                                             .actual = std::string(looks_like),
                                             .hint = std::string(hint)});
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  return out;
}

bool is_control(char letter) noexcept {
  const auto code = static_cast<unsigned char>(letter);
  return (code < 0x20 && code != '\n' && code != '\r' && code != '\t') || code == 0x7f;
}

bool is_text(std::string_view head) { return std::ranges::none_of(head, is_control); }

// version https://git-lfs.github.com/spec/v1 / oid sha256:... / size 123
void refuse_lfs_pointer(const std::string& source, std::string_view head) {
  if (!head.starts_with("version https://git-lfs")) return;
  const auto field = [&](std::string_view name) {
    const std::size_t start = head.find(name);
    if (start == std::string_view::npos) return std::string("?");
    const std::string_view rest = head.substr(start + name.size());
    return std::string(rest.substr(0, rest.find('\n')));
  };
  refuse(source,
         fmt::format("a Git LFS pointer: the file itself has {} bytes ({})", field("\nsize "),
                     field("\noid ")),
         "run `git lfs install` and `git lfs pull` in the clone, or download the file from the "
         "web page");
}

void refuse_text(const std::string& source, std::string_view head) {
  if (!is_text(head)) return;
  const std::size_t start = head.find_first_not_of(" \t\r\n");
  const std::string begin = lower(head.substr(std::min(start, head.size()), 64));
  if (begin.starts_with("<!doctype") || begin.starts_with("<html") || begin.starts_with("<?xml") ||
      begin.starts_with("<head")) {
    refuse(source, "a web page (HTML), perhaps an error page or a login form",
           "the download went wrong; open the address in a browser, or log in, and fetch it again");
  }
  if (head.find("\"weight_map\"") != std::string_view::npos) {
    refuse(source, "the index of a checkpoint in several pieces",
           "name one of the files that it lists");
  }
  if (begin.starts_with("{") || begin.starts_with("[")) {
    refuse(source, "JSON text, such as a configuration", kNeedPth);
  }
  refuse(source, "plain text", "check the address it was downloaded from");
}

void refuse_tar(const std::string& source, std::string_view bytes) {
  constexpr std::size_t kMagicOffset = 257;
  if (bytes.size() < kMagicOffset + 5 || bytes.substr(kMagicOffset, 5) != "ustar") return;
  const std::string_view first = bytes.substr(0, 100);
  for (const std::string_view name : {"sys_info", "storages", "tensors", "pickle"}) {
    if (!first.starts_with(name)) continue;
    refuse(source, "a PyTorch checkpoint of 2016, in tar format",
           "load it with torch.load and write it again with torch.save");
  }
  refuse(source, "a tar archive", kUnpack);
}

// Protocol buffers have no signature; ONNX and TensorFlow files begin with a small version number
// and contain their name near the start.
void refuse_protobuf(const std::string& source, std::string_view head) {
  if (head.size() < 2 || (head[0] != '\x08' && head[0] != '\x0a')) return;
  const std::string text = lower(head);
  for (const std::string_view name : {"onnx", "pytorch", "ir_version"}) {
    if (text.find(name) != std::string::npos) refuse(source, "an ONNX model", kNeedPth);
  }
  for (const std::string_view name : {"tensorflow", "saved_model", "placeholder", "serve"}) {
    if (text.find(name) != std::string::npos) refuse(source, "a TensorFlow model", kNeedPth);
  }
}

}  // namespace

bool looks_like_zip(std::string_view bytes) noexcept {
  using namespace std::string_view_literals;
  return bytes.starts_with("PK\x03\x04"sv) || bytes.starts_with("PK\x05\x06"sv);
}

bool looks_like_safetensors(std::string_view bytes) noexcept {
  // The file begins with a binary length and the opening brace of the header. Text has no control
  // characters, so it is not mistaken for a length. The reference implementation accepts white
  // space in front of the brace.
  if (bytes.size() <= 8 || is_text(bytes.substr(0, 8))) return false;
  const std::size_t brace = bytes.find_first_not_of(" \t\r\n", 8);
  return brace != std::string_view::npos && bytes[brace] == '{';
}

bool looks_like_torch_legacy(std::string_view bytes) noexcept {
  // Protocols 2 to 5 begin with their number; protocols 0 and 1 begin with PyTorch's magic number.
  if (bytes.starts_with("L119547037146038801333356L")) return true;
  return bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

void refuse_file(const FileBytes& file) {
  const std::string_view bytes = as_text(file.bytes);
  const std::string_view head = bytes.substr(0, kHeadBytes);
  if (bytes.empty()) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the file is empty",
                 .file = file.source,
                 .hint = "the download or copy did not work; fetch the file again"});
  }
  refuse_lfs_pointer(file.source, head);
  for (const Signature& signature : kSignatures) {
    if (head.size() > signature.offset &&
        head.substr(signature.offset).starts_with(signature.bytes)) {
      refuse(file.source, signature.looks_like, signature.hint);
    }
  }
  refuse_tar(file.source, bytes);
  refuse_protobuf(file.source, head);
  refuse_text(file.source, head);
  if (std::ranges::all_of(head, [](char c) { return c == '\0'; })) {
    refuse(file.source, "zeros, as an unfinished download leaves them", "fetch the file again");
  }
  refuse(file.source, fmt::format("{} bytes of an unknown kind", bytes.size()),
         "check where the file came from, and whether it is complete");
}

void refuse_archive(const ZipArchive& archive) {
  const std::string& source = archive.file().source;
  const auto& entries = archive.entries();
  const auto any_ends_with = [&](std::string_view suffix) {
    return std::ranges::any_of(entries,
                               [&](const ZipEntry& entry) { return entry.name.ends_with(suffix); });
  };
  if (entries.empty()) refuse(source, "an empty zip archive", "fetch the file again");
  if (any_ends_with(".pth") || any_ends_with(".safetensors") || any_ends_with(".pt2")) {
    refuse(source, "a zip archive with a checkpoint inside", kUnpack);
  }
  if (any_ends_with(".npy")) refuse(source, "NumPy arrays (.npz)", kNeedPth);
  if (any_ends_with(".keras") || any_ends_with("model.weights.h5")) {
    refuse(source, "a Keras model", kNeedPth);
  }
  refuse(source,
         fmt::format("a zip archive of something else (it begins with \"{}\")",
                     entries.front().name.substr(0, 100)),
         kNeedPth);
}

void refuse_distributed(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const bool table = path.filename() == ".metadata";
  if ((path.extension() != ".distcp" && !table) || !fs::is_regular_file(path, error)) return;
  throw Error(
      ErrorCode::UnsupportedFormat,
      {.summary = "the file is a piece of a distributed checkpoint",
       .file = path.string(),
       .expected = "one file with the whole model",
       .actual = table ? "the table that says where in the other files each tensor is"
                       : "what one process saved; the names of its tensors are in .metadata",
       .hint = fmt::format("turn the folder into one file: `{} {} FILE.pth`", kConvertDistributed,
                           path.has_parent_path() ? path.parent_path().string() : ".")});
}

void refuse_folder(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(path, error)) return;
  std::string hint = "name the checkpoint file inside";
  if (fs::exists(path / ".metadata", error)) {
    hint = fmt::format(
        "this looks like a distributed checkpoint; turn it into one file with `{} {} FILE.pth`",
        kConvertDistributed, path.string());
  }
  for (const char* name : {"model.safetensors", "pytorch_model.bin", "model.pth"}) {
    if (fs::exists(path / name, error))
      hint = fmt::format("did you mean {}?", (path / name).string());
  }
  throw Error(
      ErrorCode::UnsupportedFormat,
      {.summary = "this is a folder, not a checkpoint file", .file = path.string(), .hint = hint});
}

}  // namespace sapiens
