#pragma once

#include <filesystem>
#include <string>

namespace sapiens::hub {

/// The value of a variable of the environment; empty for one that is not set.
std::string environment(const char* variable);

/// Whether a variable of the environment is set to what Hugging Face's tools take for yes: 1, on,
/// yes or true, in any case of letters.
bool is_set(const char* variable);

/// The value of a variable that names a file or folder. A leading "~/" is the home folder, as
/// Hugging Face's tools have it, because containers and services pass values that no shell
/// expanded.
std::filesystem::path environment_path(const char* variable);

/// The folder `name` in $XDG_CACHE_HOME, else in ~/.cache; empty if neither that nor $HOME is an
/// absolute path.
std::filesystem::path cache_folder(const char* name);

/// The folder of Hugging Face's tools: $HF_HOME, else `huggingface` in the user's cache folder; may
/// be empty.
std::filesystem::path hugging_face_home();

/// The cache of repositories that Hugging Face's tools share: $HF_HUB_CACHE, else its older name
/// $HUGGINGFACE_HUB_CACHE, else `hub` in `hugging_face_home()`; may be empty.
std::filesystem::path hugging_face_cache();

}  // namespace sapiens::hub
