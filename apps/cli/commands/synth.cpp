#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <sapiens/checkpoint.hpp>
#include <sapiens/printable.hpp>

#include "cli/commands/commands.hpp"
#include "cli/options/options.hpp"
#include "cli/run/meter.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

struct SynthArguments {
  std::string output;
  SynthOptions synth;
};

void run(const SynthArguments& arguments, Session& session) {
  session.interrupts.set_exit_message({}, session.json);
  {
    WriteProgress progress("writing", session.interrupts);
    synthesize_checkpoint(arguments.output, arguments.synth, progress.callback());
  }
  if (session.json) {
    const Inspection written = Checkpoint::open(arguments.output).inspect();
    print_json({{"output", Json::parse(written.json(flag_of))}, {"seed", arguments.synth.seed}});
    return;
  }
  const bool detector = arguments.synth.arch == "rtmdet-m";
  print(fmt::format("{}: {} of random weights ({}, {}, seed {}); nothing was ever learnt in it\n",
                    printable(arguments.output),
                    bytes_text(std::filesystem::file_size(arguments.output)), arguments.synth.arch,
                    detector ? "detect" : task_name(arguments.synth.task), arguments.synth.seed));
}

}  // namespace

void add_synth_command(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<SynthArguments>();
  SynthOptions& options = arguments->synth;
  CLI::App* synth = app.add_subcommand(
      "synth", "Write a checkpoint of random weights in the published layout, for testing");
  synth->add_option("OUT", arguments->output, "File to write, .pth or .safetensors")
      ->required()
      ->type_name(kFileType);
  std::vector<std::string> archs = arch_names(true);
  archs.emplace_back("rtmdet-m");
  synth
      ->add_option("--arch", options.arch,
                   "Model: 0.3b, 0.6b, 1b, 2b, tiny; sapiens2_0.4b etc.: an encoder of Sapiens2; "
                   "rtmdet-m: the person detector")
      ->required()
      ->check(CLI::IsMember(archs));
  synth
      ->add_option_function<std::string>(
          "--task", [&options](const std::string& name) { options.task = parse_task(name); },
          "What the file is for")
      ->check(CLI::IsMember(task_names()))
      ->default_str(std::string(task_name(options.task)));
  add_choice(*synth, "--layout", options.layout, layouts(), "How keys are named");
  add_choice(*synth, "--dtype", options.dtype, float_types(), "Type of the numbers");
  synth->add_option("--seed", options.seed, "Equal seeds give equal files")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_json_flag(*synth, session);
  synth->footer("Example:\n  sapiens synth tiny.pth --arch tiny");
  synth->callback([arguments, &session] { run(*arguments, session); });
}

}  // namespace sapiens::cli
