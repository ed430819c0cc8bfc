#include <fmt/format.h>

#include <algorithm>
#include <sapiens/error.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/prepared.hpp>

#include "cli/run/features.hpp"
#include "cli/terminal/text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExpected =
    "float32 [3, H, W] or [N, 3, H, W], resized and normalised as in training";

bool has_prepared_shape(const std::vector<Index>& shape) {
  const std::size_t rank = shape.size();
  const bool filled = std::ranges::find(shape, 0) == shape.end();
  return filled && (rank == 3 || rank == 4) && shape[rank - 3] == 3;
}

/// [H, W], [H, W, 1], [H, W, 3] and [H, W, 4], as programs hand out images, or several of them.
bool has_image_shape(const std::vector<Index>& shape) {
  const std::size_t rank = shape.size();
  if (rank == 2) return true;
  const Index last = rank == 0 ? 0 : shape.back();
  return (rank == 3 || rank == 4) && (last == 1 || last == 3 || last == 4);
}

[[noreturn]] void throw_image(const fs::path& path, const NpyHeaderInfo& info) {
  throw Error(
      ErrorCode::UnsupportedFormat,
      {.summary = "this array is an image, not a prepared input",
       .file = path.string(),
       .expected = kExpected,
       .actual = fmt::format("{} {}", info.type, dims_text(info.shape)),
       .hint =
           "give the image itself, which is then resized and normalised: save it as a PNG, e.g. "
           "PIL.Image.fromarray(array).save('image.png'), height and width first and as uint8"});
}

[[noreturn]] void throw_shape(const fs::path& path, const NpyHeaderInfo& info) {
  const bool grey = info.shape.size() == 3 && info.shape.front() == 1;
  throw Error(ErrorCode::ShapeMismatch,
              {.summary = "this array is not a prepared input",
               .file = path.string(),
               .expected = kExpected,
               .actual = fmt::format("{} {}", info.type, dims_text(info.shape)),
               .hint = grey ? "repeat the one channel three times before it is normalised" : ""});
}

bool is_integer(const std::string& type) {
  const std::size_t kind = type.find_first_not_of("<>|=");
  return kind != std::string::npos && (type[kind] == 'u' || type[kind] == 'i' || type[kind] == 'b');
}

}  // namespace

PreparedArray read_prepared(const fs::path& path) {
  const NpyHeaderInfo info = read_npy_info(path);
  // [3, H, 3] may be both; an image so low is not.
  if (!has_prepared_shape(info.shape) && has_image_shape(info.shape)) throw_image(path, info);
  if (is_integer(info.type)) throw_image(path, info);
  if (!has_prepared_shape(info.shape)) throw_shape(path, info);
  PreparedArray prepared{.array = read_npy(path)};
  prepared.doubt = doubt_about_prepared(prepared.array.values);
  if (!prepared.doubt.empty()) prepared.doubt += " An image is better given as a PNG";
  return prepared;
}

}  // namespace sapiens::cli
