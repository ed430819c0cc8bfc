#pragma once

#include <filesystem>
#include <istream>
#include <optional>
#include <sapiens/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::cli {

/// One picture, array, video or camera to work on.
struct InputFile {
  std::filesystem::path path = {};  ///< As it can be opened.
  std::filesystem::path name =
      {};  ///< Its place below the folder it was found in; else the file name.
  bool video = false;
  std::optional<int> camera = {};                  ///< Its number; `path` is "camera:0" then.
  std::vector<std::filesystem::path> frames = {};  ///< Of a folder that is taken for a video.
};

struct FailedInput {
  std::string path;
  Error error;
};

struct Inputs {
  std::vector<InputFile> files;
  std::vector<FailedInput> failed;
};

struct InputRules {
  bool recursive = false;
  bool arrays = true;   ///< Also take .npy files out of folders.
  bool videos = false;  ///< Also take videos, and cameras as "camera:0".
  bool folders_are_videos = false;
  std::filesystem::path output;  ///< Never searched for inputs: results are not pictures.
};

/// ".jpg" and so on: what is taken out of folders.
std::span<const std::string_view> picture_extensions();

/// True for `.npy`, in any case: an array that was preprocessed already.
bool is_array(const std::filesystem::path& path);

/// Turns files, folders, `.txt` lists and `-` (a list on `standard_input`) into files, each once,
/// in the order given and sorted within a folder, where photo_seg.png beside photo.jpg is taken for
/// its labels. What cannot be found is returned as failed.
/// Throws InvalidArgument when a folder of inputs is also the output folder.
Inputs collect_inputs(std::span<const std::string> arguments, const InputRules& rules,
                      std::istream& standard_input);

}  // namespace sapiens::cli
