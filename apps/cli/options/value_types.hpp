#pragma once

namespace sapiens::cli {

// Type names of options say what is expected: in help texts, in man pages and to completions
// (program_description.hpp), which offer files for FILE, folders for DIR, names of published
// checkpoints for NAME, and words in small letters as they are ("auto|none|DIR").
inline constexpr const char* kFileType = "FILE";
inline constexpr const char* kFolderType = "DIR";
inline constexpr const char* kInputType = "FILE|DIR";
inline constexpr const char* kPublishedType = "NAME";
inline constexpr const char* kCheckpointType = "FILE|NAME";

}  // namespace sapiens::cli
