#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "cli/input/inputs.hpp"

namespace sapiens::cli {

/// Where the results of one input go, below the output folder and without a suffix.
struct OutputName {
  std::filesystem::path stem;
  bool distinguished = false;  ///< Another input wanted the same name, or has results inside it.
};

/// One name per input. `a.jpg` gets `a`; where `a.png` wants that too, both keep their extension;
/// where even that is equal, the later ones are numbered. So is `clip.mp4` beside `clip/x.png`: the
/// folder `clip` would hold results of both.
std::vector<OutputName> plan_outputs(std::span<const InputFile> files);

/// Creates `folder` and proves that files can be written there. Throws WriteFailed, and
/// InvalidArgument for an empty name.
void prepare_output_folder(const std::filesystem::path& folder);

/// Creates the folder that `file` will lie in. Throws WriteFailed.
void create_parent(const std::filesystem::path& file);

/// Throws InvalidArgument if an output would replace an input.
void expect_no_input_among(std::span<const std::filesystem::path> outputs,
                           std::span<const InputFile> files);

}  // namespace sapiens::cli
