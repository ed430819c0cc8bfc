#include "cli/terminal/start_part.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/find_part.hpp"
#include "sapiens/error.hpp"

namespace sapiens::cli {

void start_part(const Part& part, const Session& session) {
  const std::string program = find_part(part.program).string();
  if (program.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = part.cannot,
                 .actual = fmt::format("the program {} is not there", part.program),
                 .hint = fmt::format("install {} and build sapiens again; a program that lies "
                                     "elsewhere is found with SAPIENS_MODULE_DIR=its/folder",
                                     part.built_with)});
  }
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const char* word : session.words.subspan(2)) words.push_back(const_cast<char*>(word));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  const int why = errno;
  const bool memory = why == ENOMEM || why == EAGAIN;
  throw Error(memory ? ErrorCode::OutOfResources : ErrorCode::InvalidArgument,
              {.summary = part.cannot,
               .actual = fmt::format("{} cannot be started: {}", program, std::strerror(why)),
               .hint = "install sapiens again, as a whole"});
}

}  // namespace sapiens::cli
