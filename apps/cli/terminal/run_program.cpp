#include "cli/terminal/run_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <sapiens/current_error.hpp>
#include <sapiens/file_guard.hpp>
#include <sapiens/version.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/shell/completion.hpp"
#include "cli/terminal/messages.hpp"
#include "core/find_part.hpp"
#include "core/memory_in_use.hpp"

namespace sapiens::cli {
namespace {

/// Options were not understood: asks the words themselves.
bool wants_json(Words words) {
  return std::ranges::any_of(words.subspan(1),
                             [](std::string_view word) { return word == "--json"; });
}

/// A stream that came closed (`2>&-`) would be given to the next file opened, and messages would be
/// written into it. Nothing can be written to what it gets here, as before.
void occupy_standard_streams() {
  int descriptor = 0;
  do descriptor = open("/dev/null", O_RDONLY);
  while (0 <= descriptor && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) close(descriptor);
}

/// Of a word that is no command the parser says only that there is none.
std::string usage_problem(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> words = app.remaining();
  if (!app.get_subcommands().empty() || words.empty()) return error.what();
  return fmt::format("there is no command or option `{}`", words.front());
}

int run(Words words, AddCommands add_commands, Session& session) {
  CLI::App app("A native engine for Meta's Sapiens human-vision transformers", "sapiens");
  app.set_version_flag("--version", "sapiens " SAPIENS_VERSION);
  app.footer(exit_code_help() + "\nExample:\n  sapiens inspect sapiens_0.3b_clean.pth");
  app.require_subcommand(1);
  add_commands(app, session);
  if (words.size() > 1 && words[1] == std::string_view(kCompleteWord)) {
    const std::vector<std::string> typed(words.begin() + 2, words.end());
    print(complete_words(describe_program(app), typed));
    return kDone;
  }
  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    report_error("usage", usage_problem(app, error), wants_json(words));
    say("`sapiens --help` and `sapiens COMMAND --help` show what is possible");
    return kUsage;
  }
  return session.exit_code;
}

int report_exception(bool json) {
  const Error error = current_error();
  report_error(error, json);
  return exit_code(error.code());
}

int run_and_report(Words words, AddCommands add_commands, Interrupts& interrupts) {
  Session session{.interrupts = interrupts, .words = words};
  try {
    return run(words, add_commands, session);
  } catch (const Interrupted&) {
    Interrupts::wait_for_end();
  } catch (...) {
    return report_exception(session.json);
  }
}

/// `interrupts` get their thread, which may not start.
int start_and_run(Words words, AddCommands add_commands, std::optional<Interrupts>& interrupts) {
  try {
    interrupts.emplace();
  } catch (...) {
    return report_exception(wants_json(words));
  }
  return run_and_report(words, add_commands, *interrupts);
}

/// What the system does at `terminate`. Called before that is changed.
std::terminate_handler handler_of_the_system() noexcept {
  static const std::terminate_handler handler = std::get_terminate();
  return handler;
}

/// For memory that runs out where nothing may be thrown: the destructor of nlohmann's documents
/// moves their members to a std::vector, so that deep ones do not overflow the stack; and where the
/// error that says so is written. Allocates nothing.
[[noreturn]] void end_process() noexcept {
  try {
    if (std::current_exception()) throw;
  } catch (const std::bad_alloc&) {
    char amount[kMemoryTextSize];
    write_memory_in_use(amount);
    char message[kMemoryTextSize + 64];
    const int size =
        std::snprintf(message, sizeof message,
                      "error[out-of-resources] memory ran out\n  actual:   %s\n", amount);
    [[maybe_unused]] const auto count =
        write(STDERR_FILENO, message, static_cast<std::size_t>(size));
    _exit(kOutOfResources);
  } catch (...) {  // reported below
  }
  handler_of_the_system()();
  std::abort();
}

}  // namespace

int run_program(Words words, AddCommands add_commands) {
  occupy_standard_streams();
  handler_of_the_system();
  std::set_terminate(end_process);
  guard_mapped_files();
  std::signal(SIGXFSZ, SIG_IGN);         // a file too large for `ulimit -f` is an error of write()
  std::optional<Interrupts> interrupts;  // until the last byte is out
  const int code = start_and_run(words, add_commands, interrupts);
  // A full disk under `> file` shows up only here.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    say("error: standard output could not be written");
    return kOutOfResources;
  }
  return code;
}

int run_part(int argc, char** argv, const char* command, AddCommands add_command) {
  std::vector<const char*> words(argv, argv + argc);
  words.insert(words.begin() + 1, command);
  return run_program(words, add_command);
}

void start_part(const Part& part, const Session& session) {
  const std::string program = find_part(part.program).string();
  if (program.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = part.cannot,
                 .actual = fmt::format("the program {} is not installed", part.program),
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
               .actual = fmt::format("{} cannot be started: {}{}", program,
                                     std::generic_category().message(why),
                                     memory ? "; " + memory_in_use() : ""),
               .hint = "install sapiens again, as a whole"});
}

}  // namespace sapiens::cli
