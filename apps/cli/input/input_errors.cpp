#include "cli/input/input_errors.hpp"

#include <fmt/format.h>

#include <sapiens/error.hpp>

namespace sapiens::cli {

void throw_searched_again(const std::filesystem::path& folder) {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "links lead to the same folders again and again",
               .file = folder.string(),
               .expected = fmt::format("at most {} folders that are searched under another name",
                                       kMaxSearchedAgain),
               .hint = "name the folders one by one, without -r"});
}

void throw_mixed_list(const std::string& source, std::size_t line) {
  throw Error(ErrorCode::CorruptFile,
              {.summary = "this list of inputs mixes lines and NUL bytes",
               .file = source,
               .key = fmt::format("line {}", line),
               .expected = "one name per line, or names separated by NUL bytes as `find -print0` "
                           "writes them",
               .actual = "a name that holds a line feed and does not exist"});
}

void throw_read_once() {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "a tar on standard input cannot be searched before it is read",
               .key = "tar:-",
               .hint = "`sapiens features` with --format webdataset or npy-shards takes it; "
                       "other commands take the file"});
}

void throw_no_tar() {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is no tar among the inputs whose samples would have keys",
               .key = "--image-key",
               .hint = "leave it out: of folders and zips all images are taken"});
}

void throw_output_is_input(const std::filesystem::path& folder) {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the output folder is also an input folder",
               .file = folder.string(),
               .hint = "write somewhere else; a folder inside it will do"});
}

}  // namespace sapiens::cli
