#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sapiens::cli {

/// ".jpg" and so on: what is taken out of folders.
std::span<const std::string_view> image_extensions();

/// ".jpg" of "a.JPG".
std::string lower_extension(const std::filesystem::path& path);

/// True for a name that ends in one of `image_extensions`, in any case.
bool is_image_name(const std::filesystem::path& path);

/// True for `.npy`, in any case: an array that was preprocessed already.
bool is_array(const std::filesystem::path& path);

/// True for a name, without a folder, that begins with a dot.
bool is_hidden(const std::filesystem::path& name);

/// 3 of "camera:3".
std::optional<int> camera_of(std::string_view text);

/// Equal for names that differ in `.`, `..` and `//` alone; a name is not what it is a link to.
std::string name_key(const std::filesystem::path& path);

}  // namespace sapiens::cli
