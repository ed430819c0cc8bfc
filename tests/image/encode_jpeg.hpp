#pragma once

#include <cstddef>
// jpeglib.h uses names of <cstdio>.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on
#include <cstdlib>
#include <functional>
#include <vector>

#include "sapiens/image.hpp"

namespace sapiens::test {

/// Encodes an image as a JPEG with the settings that `choose` makes.
inline std::vector<std::byte> encode_jpeg(
    const Image& image, const std::function<void(jpeg_compress_struct&)>& choose) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &data, &size);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  choose(jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  for (Index y = 0; y < image.height; ++y) {
    auto* row = const_cast<JSAMPROW>(&image.rgb[static_cast<std::size_t>(y * image.width * 3)]);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  const auto* first = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(first, first + size);
  std::free(data);
  return bytes;
}

}  // namespace sapiens::test
