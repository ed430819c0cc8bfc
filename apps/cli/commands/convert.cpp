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

struct ConvertArguments {
  std::string checkpoint;
  std::string output;
  ConvertOptions convert;
};

ConvertResult write_copy(const Checkpoint& checkpoint, const ConvertArguments& arguments,
                         Session& session) {
  WriteProgress progress("writing", session.interrupts);
  return convert_checkpoint(checkpoint, arguments.output, arguments.convert, progress.callback());
}

void run(const ConvertArguments& arguments, Session& session) {
  session.interrupts.set_exit_message({}, session.json);
  const Checkpoint checkpoint = Checkpoint::open(arguments.checkpoint);
  Inspection source = checkpoint.inspect(arguments.convert.model);
  const ConvertResult result = write_copy(checkpoint, arguments, session);
  source.report = result.report;
  for (const std::string& warning : result.warnings) say("warning: " + printable(warning));

  // Opened again, so that what is reported is what the file says.
  ModelOptions model = arguments.convert.model;
  model.prefix.clear();  // the copy holds one model
  const Inspection written = Checkpoint::open(arguments.output).inspect(model);
  if (session.json) {
    print_json({{"source", Json::parse(source.json(flag_of))},
                {"output", Json::parse(written.json(flag_of))},
                {"warnings", result.warnings}});
    return;
  }
  print(fmt::format("{}: {}, {} tensors, {} ({} of {} parameters, {})\n",
                    printable(arguments.output), written.file.format, written.file.tensors,
                    bytes_text(written.file.bytes), written.report.bound, written.report.required,
                    verdict_name(written.report.verdict)));
}

}  // namespace

void add_convert_command(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<ConvertArguments>();
  ConvertOptions& options = arguments->convert;
  CLI::App* convert =
      app.add_subcommand("convert", "Write a copy of a checkpoint with canonical names");
  takes_checkpoint(convert->add_option("CKPT", arguments->checkpoint, kCheckpointHelp))->required();
  convert->add_option("OUT", arguments->output, "File to write, .safetensors or .pth")
      ->required()
      ->type_name(kFileType);
  add_choice(
      *convert, "--layout", options.layout, layouts(),
      "clean, published: keys without prefixes; mmengine: loads in the original code (Sapiens); "
      "timm: timm's names (Sapiens2)");
  convert
      ->add_option_function<std::string>(
          "--dtype",
          [&options](const std::string& given) {
            for (const auto& [text, dtype] : float_types()) {
              if (text == given) options.dtype = dtype;
            }
          },
          "Type of the numbers; by default each tensor keeps its own")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
  convert->add_flag("--keep-unused", options.keep_unused,
                    "Also copy what no model needs: decoder, other heads");
  add_model_options(*convert, options.model);
  add_json_flag(*convert, session);
  convert->footer(
      "Example:\n  sapiens convert sapiens_0.3b_epoch_1600_clean.pth fixed.pth --layout mmengine");
  convert->callback([arguments, &session] { run(*arguments, session); });
}

}  // namespace sapiens::cli
