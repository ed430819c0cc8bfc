#include <OpenEXR/openexr.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>
#include <vector>

#include "core/atomic_file.hpp"
#include "core/memory_in_use.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"
#include "sapiens/result_files.hpp"

// Uses OpenEXRCore, the C part of OpenEXR: it needs only zlib, starts no threads, and lets the
// caller write the file.
namespace sapiens {
namespace {

constexpr int kPart = 0;  // the only part of the file

// The last digits of floats are random: ZIP saves a twelfth and takes ten times as long.
constexpr exr_compression_t kCompression = EXR_COMPRESSION_NONE;

std::int64_t write_bytes(exr_const_context_t, void* user_data, const void* data, std::uint64_t size,
                         std::uint64_t offset, exr_stream_error_func_ptr_t) {
  auto& bytes = *static_cast<std::vector<std::byte>*>(user_data);
  try {
    if (bytes.size() < offset + size) bytes.resize(offset + size);
  } catch (const std::bad_alloc&) {
    return -1;
  }
  std::memcpy(bytes.data() + offset, data, size);
  return static_cast<std::int64_t>(size);
}

// Without a handler the library prints errors; the result codes identify them as well.
void print_nothing(exr_const_context_t, exr_result_t, const char*) {}

void check(exr_result_t result) {
  if (result == EXR_ERR_SUCCESS) return;
  if (result == EXR_ERR_OUT_OF_MEMORY) throw std::bad_alloc();
  throw Error(ErrorCode::WriteFailed, {.summary = "the image cannot be converted to OpenEXR",
                                       .actual = exr_get_error_code_as_string(result)});
}

class ExrFile {
 public:
  ExrFile(std::vector<std::byte>& out, const std::string& name) {
    exr_context_initializer_t settings = EXR_DEFAULT_CONTEXT_INITIALIZER;
    settings.error_handler_fn = print_nothing;
    settings.user_data = &out;
    settings.write_fn = write_bytes;
    check(exr_start_write(&context_, name.c_str(), EXR_WRITE_FILE_DIRECTLY, &settings));
  }
  ~ExrFile() { exr_finish(&context_); }  // does nothing after `finish`
  ExrFile(const ExrFile&) = delete;
  ExrFile& operator=(const ExrFile&) = delete;

  exr_context_t context() const noexcept { return context_; }
  void finish() { check(exr_finish(&context_)); }

 private:
  exr_context_t context_ = nullptr;
};

class ExrEncoder {
 public:
  explicit ExrEncoder(exr_context_t context) : context_(context) {}
  ~ExrEncoder() { exr_encoding_destroy(context_, &pipeline_); }
  ExrEncoder(const ExrEncoder&) = delete;
  ExrEncoder& operator=(const ExrEncoder&) = delete;

  /// The rows from `y` on that make up one chunk. `first_of(name)` is the first value of a channel.
  template <typename FirstOf>
  void run(int y, Index pixel_floats, Index line_floats, FirstOf first_of) {
    exr_chunk_info_t chunk;
    check(exr_write_scanline_chunk_info(context_, kPart, y, &chunk));
    const bool first = y == 0;
    check(first ? exr_encoding_initialize(context_, kPart, &chunk, &pipeline_)
                : exr_encoding_update(context_, kPart, &chunk, &pipeline_));
    for (int c = 0; c < pipeline_.channel_count; ++c) {
      exr_coding_channel_info_t& channel = pipeline_.channels[c];
      channel.user_pixel_stride = static_cast<std::int32_t>(pixel_floats * sizeof(float));
      channel.user_line_stride = static_cast<std::int32_t>(line_floats * sizeof(float));
      channel.encode_from_ptr =
          reinterpret_cast<const std::uint8_t*>(first_of(channel.channel_name));
    }
    if (first) check(exr_encoding_choose_default_routines(context_, kPart, &pipeline_));
    check(exr_encoding_run(context_, kPart, &pipeline_));
  }

 private:
  exr_context_t context_;
  exr_encode_pipeline_t pipeline_ = {};
};

void declare(exr_context_t context, int width, int height,
             std::span<const std::string_view> channels) {
  int part = kPart;
  check(exr_add_part(context, "", EXR_STORAGE_SCANLINE, &part));
  check(exr_initialize_required_attr_simple(context, part, width, height, kCompression));
  for (const std::string_view channel : channels) {
    check(exr_add_channel(context, part, std::string(channel).c_str(), EXR_PIXEL_FLOAT,
                          EXR_PERCEPTUALLY_LINEAR, 1, 1));
  }
  check(exr_write_header(context));
}

std::vector<std::byte> encode(TensorView<const float, 3> values,
                              std::span<const std::string_view> channels, const std::string& name) {
  const int height = static_cast<int>(values.extent(0));
  std::vector<std::byte> bytes;
  ExrFile file(bytes, name);
  declare(file.context(), static_cast<int>(values.extent(1)), height, channels);
  std::int32_t rows = 0;
  check(exr_get_scanlines_per_chunk(file.context(), kPart, &rows));
  {
    ExrEncoder encoder(file.context());
    for (int y = 0; y < height; y += rows) {
      encoder.run(y, values.strides()[1], values.strides()[0], [&](const char* channel) {
        return values[y].data() + (std::ranges::find(channels, channel) - channels.begin());
      });
    }
  }
  file.finish();
  return bytes;
}

void expect_writable(TensorView<const float, 3> values, std::size_t channels,
                     const std::filesystem::path& path) {
  constexpr Index kMaxLength = std::numeric_limits<std::int32_t>::max() / 64;
  const auto [height, width, depth] = values.extents();
  const bool sized = height > 0 && width > 0 && height <= kMaxLength && width <= kMaxLength &&
                     values.strides()[0] <= kMaxLength;
  if (sized && depth == static_cast<Index>(channels)) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the array is not an image that OpenEXR can store",
               .file = path.string(),
               .expected = fmt::format("[H, W, {}]", channels),
               .actual = shape_text(values.extents())});
}

void write_exr(const std::filesystem::path& path, TensorView<const float, 3> values,
               std::span<const std::string_view> channels) {
  expect_writable(values, channels.size(), path);
  std::vector<std::byte> bytes;
  try {
    bytes = encode(values, channels, path.string());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfResources, {.summary = "not enough memory to encode the image",
                                            .file = path.string(),
                                            .actual = memory_in_use()});
  }
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace

void write_depth_exr(const std::filesystem::path& path, TensorView<const float, 2> depth) {
  constexpr std::string_view kChannels[] = {"Z"};
  const auto [height, width] = depth.extents();
  write_exr(path, {depth.data(), {height, width, 1}, {depth.strides()[0], 1, 1}}, kChannels);
}

void write_normals_exr(const std::filesystem::path& path, TensorView<const float, 3> normals) {
  constexpr std::string_view kChannels[] = {"R", "G", "B"};
  write_exr(path, normals, kChannels);
}

}  // namespace sapiens
