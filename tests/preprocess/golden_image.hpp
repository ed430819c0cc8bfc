#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "sapiens/image.hpp"

namespace sapiens {

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(SAPIENS_TEST_DATA) / "golden" / name;
}

inline nlohmann::json golden_case(const std::string& folder) {
  std::ifstream file(golden(folder + "/case.json"));
  return nlohmann::json::parse(file);
}

/// CRC-32 of the pixels as the golden data has them, blue first.
inline std::string bgr_crc32(const Image& image) {
  std::uint32_t crc = 0xffffffffu;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    crc ^= image.rgb[i / 3 * 3 + 2 - i % 3];
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  char text[9];
  std::snprintf(text, sizeof text, "%08x", ~crc);
  return text;
}

/// The upper bytes of the generator's numbers, which `make.py` of preprocess_sapiens2 makes again.
inline Image random_image(Index height, Index width, unsigned seed) {
  std::mt19937 random(seed);
  Image image{.width = width, .height = height, .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(height * width * 3));
  for (auto& value : image.rgb) value = static_cast<std::uint8_t>(random() >> 24);
  return image;
}

inline Image cut(const Image& image, Index y, Index x, Index height, Index width) {
  Image part{.width = width, .height = height, .rgb = {}};
  for (Index row = y; row < y + height; ++row) {
    const auto first = image.rgb.begin() + (row * image.width + x) * 3;
    part.rgb.insert(part.rgb.end(), first, first + width * 3);
  }
  return part;
}

/// Byte equality, and where the first difference is.
inline testing::AssertionResult same_pixels(const Image& actual, const Image& expected) {
  if (actual.width != expected.width || actual.height != expected.height) {
    return testing::AssertionFailure() << actual.width << "x" << actual.height << " instead of "
                                       << expected.width << "x" << expected.height;
  }
  std::size_t different = 0, first = 0;
  for (std::size_t i = actual.rgb.size(); i-- > 0;) {
    if (actual.rgb[i] != expected.rgb[i]) ++different, first = i;
  }
  if (different == 0) return testing::AssertionSuccess();
  const auto pixel = static_cast<Index>(first / 3);
  return testing::AssertionFailure()
         << different << " bytes differ, first at y " << pixel / actual.width << ", x "
         << pixel % actual.width << ": " << int{actual.rgb[first]} << " instead of "
         << int{expected.rgb[first]};
}

}  // namespace sapiens
