#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace sample {

/// Writes blue, green and red bytes, top row first, at quality 90. False when that fails.
bool write_jpeg(const std::filesystem::path& path, const std::vector<std::uint8_t>& bgr, int width,
                int height);

}  // namespace sample
