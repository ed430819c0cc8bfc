#pragma once

#include "cli/options/options.hpp"

namespace sapiens::cli {

// One file per subcommand: its options, its help text and the code it runs. Those that are programs
// of their own are in parts.hpp.
void add_inspect_command(CLI::App& app, Session& session);
void add_features_command(CLI::App& app, Session& session);
/// pose, seg, depth and normal.
void add_task_commands(CLI::App& app, Session& session);
/// run: several of them at once.
void add_run_command(CLI::App& app, Session& session);
void add_reconstruct_command(CLI::App& app, Session& session);
void add_eval_command(CLI::App& app, Session& session);
void add_sheet_command(CLI::App& app, Session& session);
void add_convert_command(CLI::App& app, Session& session);
void add_synth_command(CLI::App& app, Session& session);
void add_bench_command(CLI::App& app, Session& session);
void add_completion_command(CLI::App& app);
void add_man_command(CLI::App& app);

}  // namespace sapiens::cli
