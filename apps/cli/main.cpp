#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <sapiens/version.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "exit_codes.hpp"
#include "messages.hpp"

namespace sapiens::cli {
namespace {

/// Options were not understood: asks the words themselves.
bool wants_json(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc,
                     [](const char* word) { return std::string_view(word) == "--json"; });
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

int run(int argc, char** argv, Session& session) {
  CLI::App app("A native engine for Meta's Sapiens human-vision transformers", "sapiens");
  app.set_version_flag("--version", "sapiens " SAPIENS_VERSION);
  app.footer(exit_code_help() + "\nExample:\n  sapiens inspect sapiens_0.3b_clean.pth");
  app.require_subcommand(1);
  add_pull_command(app, session);
  add_inspect_command(app, session);
  add_features_command(app, session);
  add_task_commands(app, session);
  add_run_command(app, session);
  add_reconstruct_command(app, session);
  add_eval_command(app, session);
  add_sheet_command(app, session);
  add_convert_command(app, session);
  add_synth_command(app, session);
  add_bench_command(app, session);
  add_serve_command(app, session);
  add_completion_command(app);
  add_man_command(app);  // the last, because it knows the names of the others
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    report_error("usage", usage_problem(app, error), wants_json(argc, argv));
    say("`sapiens --help` and `sapiens COMMAND --help` show what is possible");
    return kUsage;
  }
  return session.exit_code;
}

int run_and_report(int argc, char** argv, Session& session) {
  try {
    return run(argc, argv, session);
  } catch (const Error& error) {
    report_error(error, session.json);
    return exit_code(error.code());
  } catch (const Interrupted&) {
    Interrupts::wait_for_end();
  } catch (const std::bad_alloc&) {
    report_error(error_code_name(ErrorCode::OutOfResources), "memory ran out", session.json);
    return kOutOfResources;
  } catch (const std::exception& error) {
    report_error(error_code_name(ErrorCode::Internal),
                 fmt::format("{}; please report this as a bug", error.what()), session.json);
    return kInternal;
  }
}

}  // namespace
}  // namespace sapiens::cli

int main(int argc, char** argv) {
  sapiens::cli::occupy_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large for `ulimit -f` is an error of write()
  sapiens::cli::Interrupts interrupts;
  sapiens::cli::Session session{.interrupts = interrupts};
  const int code = sapiens::cli::run_and_report(argc, argv, session);
  // A full disk under `> file` shows up only here.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    sapiens::cli::say("error: standard output could not be written");
    return sapiens::cli::kOutOfResources;
  }
  return code;
}
