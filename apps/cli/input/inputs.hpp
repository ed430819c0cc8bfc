#pragma once

#include <filesystem>
#include <istream>
#include <optional>
#include <sapiens/error.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/input/input_names.hpp"
#include "cli/input/left_out.hpp"

namespace sapiens::cli {

/// One image, array, video or camera to work on.
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
  std::vector<InputFile> files = {};
  std::vector<FailedInput> failed = {};
  LeftOutList left_out = {};  ///< What was found and is not among them.
};

struct InputRules {
  bool recursive = false;
  bool arrays = true;   ///< Also take .npy files out of folders.
  bool videos = false;  ///< Also take videos, and cameras as "camera:0".
  bool folders_are_videos = false;
  std::filesystem::path output;  ///< Never searched for inputs: results are not images.
};

/// Turns files, folders, `.txt` lists and `-` (a list on `standard_input`) into files, in the order
/// given and sorted within a folder, where photo_seg.png beside photo.jpg is taken for its labels.
/// Every name counts once, whatever it is a link to; linked folders are searched as others are.
/// What cannot be found is returned as failed.
/// Throws InvalidArgument when a folder of inputs is also the output folder, or when links make
/// ever more of a folder; UnsupportedFormat or CorruptFile for a list that cannot be taken apart.
Inputs collect_inputs(std::span<const std::string> arguments, const InputRules& rules,
                      std::istream& standard_input);

}  // namespace sapiens::cli
