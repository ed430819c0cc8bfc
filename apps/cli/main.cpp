#include "cli/commands/commands.hpp"
#include "cli/commands/parts.hpp"
#include "cli/terminal/run_program.hpp"

namespace sapiens::cli {
namespace {

constexpr Part kPull = {
    .program = "sapiens-pull",
    .cannot = "this sapiens cannot download",
    .built_with = "libcurl (Debian, Ubuntu: apt-get install libcurl4-openssl-dev libssl-dev)"};
constexpr Part kServe = {
    .program = "sapiens-serve",
    .cannot = "this sapiens cannot serve",
    .built_with = "cpp-httplib (Debian, Ubuntu: apt-get install libcpp-httplib-dev)"};

void add_commands(CLI::App& app, Session& session) {
  add_pull_command(app, session,
                   [](const PullArguments&, Session& own) { start_part(kPull, own); });
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
  add_serve_command(app, session,
                    [](const ServeArguments&, Session& own) { start_part(kServe, own); });
  add_completion_command(app);
  add_man_command(app);  // the last, because it knows the names of the others
}

}  // namespace
}  // namespace sapiens::cli

int main(int argc, char** argv) {
  return sapiens::cli::run_program({argv, static_cast<std::size_t>(argc)},
                                   sapiens::cli::add_commands);
}
