#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::cli {

/// An image that entries of a file may be about.
struct KnownImage {
  std::string path = {};              ///< As full as it is known.
  std::string name = {};              ///< Below the folder of the images.
  std::vector<std::string> ids = {};  ///< As id_text() spells them.
};

/// How a file says which image an entry is about.
struct ImageRef {
  std::string text = {};
  bool is_id = false;

  // NOLINTNEXTLINE(modernize-use-nullptr): of the 0 that the compiler compares with
  auto operator<=>(const ImageRef&) const = default;
};

struct ImageMatches {
  std::map<ImageRef, std::size_t> image_of = {};  ///< Number of the known image.
  std::set<ImageRef> unclear = {};                ///< Which of several images, or several of one.
  std::set<std::size_t> unclear_images = {};      ///< That they may mean.
};

/// Which image each of `refs` means; refs that mean none are in neither set. A name means the image
/// with this path, or this path below the folder; else the one whose path it is the end of; else
/// the one whose path below the folder is its end; else the only one with the same file name. Two
/// names for one image must be ends of its path, or one of them is the better; otherwise nothing
/// tells which it is, and nothing is guessed.
ImageMatches match_images(std::span<const KnownImage> known, const std::set<ImageRef>& refs);

/// The parts of a path, without "." and with what ".." takes back. Backslashes part as well.
std::vector<std::string> path_parts(std::string_view path);

/// " (there is a.png)" for "a.jpg" where an image is called so but for its extension; else "".
std::string other_extension_note(std::span<const KnownImage> known, const std::string& name);

}  // namespace sapiens::cli
