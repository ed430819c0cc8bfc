#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sapiens/checkpoint.hpp>
#include <sapiens/error.hpp>
#include <sapiens/onnx.hpp>
#include <sapiens/printable.hpp>
#include <string>
#include <utility>
#include <vector>

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
  OnnxOptions onnx;
  // Options that only files of the one or of the other kind have.
  std::vector<CLI::Option*> of_checkpoints, of_onnx;

  bool to_onnx() const { return std::filesystem::path(output).extension() == ".onnx"; }
};

void expect_options(const ConvertArguments& arguments) {
  const std::string suffix = std::filesystem::path(arguments.output).extension().string();
  if (suffix != ".pth" && suffix != ".safetensors" && suffix != ".onnx") {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the output's name decides its format",
                 .file = arguments.output,
                 .expected = "a name ending in .pth, .safetensors or .onnx",
                 .actual = fmt::format("\"{}\"", suffix)});
  }
  const bool onnx = arguments.to_onnx();
  for (const CLI::Option* option : onnx ? arguments.of_checkpoints : arguments.of_onnx) {
    if (option->count() == 0) continue;
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = onnx ? "an ONNX file has no such option" : "only ONNX files have this option",
         .file = arguments.output,
         .key = option->get_name(),
         .hint = onnx ? "leave it out" : "give the output a name that ends in .onnx"});
  }
}

Json value_json(const OnnxValue& value) {
  return {{"name", value.name}, {"type", value.type}, {"shape", value.shape}};
}

std::string value_text(const OnnxValue& value) {
  return fmt::format("{} {} [{}]", value.name, value.type, fmt::join(value.shape, ", "));
}

void write_onnx(const ConvertArguments& arguments, Session& session) {
  OnnxOptions options = arguments.onnx;
  options.model = arguments.convert.model;
  options.dtype = arguments.convert.dtype.value_or(options.dtype);
  const Checkpoint checkpoint = Checkpoint::open(arguments.checkpoint);
  WriteProgress progress("writing", session.interrupts);
  const OnnxResult result =
      convert_to_onnx(checkpoint, arguments.output, options, progress.callback());
  for (const std::string& warning : result.warnings) say("warning: " + printable(warning));
  if (session.json) {
    Json files = Json::array(), inputs = Json::array(), outputs = Json::array();
    for (const std::filesystem::path& file : result.files) files.push_back(file.string());
    for (const OnnxValue& value : result.inputs) inputs.push_back(value_json(value));
    for (const OnnxValue& value : result.outputs) outputs.push_back(value_json(value));
    print_json({{"source", Json::parse(result.inspection.json(flag_of))},
                {"output",
                 {{"format", "onnx"},
                  {"files", files},
                  {"bytes", result.bytes},
                  {"opset", result.opset},
                  {"nodes", result.nodes},
                  {"inputs", inputs},
                  {"outputs", outputs}}},
                {"warnings", result.warnings}});
    return;
  }
  for (const std::filesystem::path& file : result.files) print(printable(file.string()) + "\n");
  print(fmt::format("ONNX, opset {}, {} nodes, {}\n", result.opset, result.nodes,
                    bytes_text(result.bytes)));
  for (const OnnxValue& value : result.inputs) print("  in   " + value_text(value) + "\n");
  for (const OnnxValue& value : result.outputs) print("  out  " + value_text(value) + "\n");
}

// Options of ONNX files alone.
void add_onnx_options(CLI::App& app, ConvertArguments& arguments) {
  OnnxOptions& options = arguments.onnx;
  const std::vector<CLI::Option*> before = app.get_options();
  add_out_types_option(
      app, options.out_types,
      "ONNX: features to compute, separated by commas, instead of the model's task");
  add_number(app, "--opset", options.opset, {kOldestOnnxOpset, kNewestOnnxOpset},
             "ONNX: version of the operators");
  add_number(app, "--batch", options.batch, {0, 4096}, "ONNX: images of a run, 0 for any number");
  add_size_option(app, arguments.convert.model.input_size,
                  "ONNX: size of the images; by default the model's own");
  add_patch_padding_option(
      app, arguments.convert.model,
      "ONNX: padding of the patch embedding, 0 or 2; by default the task decides");
  app.add_flag("--dynamic-size", options.dynamic_size, "ONNX: accept images of any size");
  app.add_flag("--with-preprocessing", options.with_preprocessing,
               "ONNX: take uint8 images, and resize and normalise them inside");
  add_choice<OnnxAttention>(app, "--attention", options.attention,
                            {{"plain", OnnxAttention::Plain}, {"fused", OnnxAttention::Fused}},
                            "ONNX: plain: MatMul and Softmax; fused: one operator");
  app.add_flag("--raw-maps", options.raw_maps,
               "ONNX: of a person detector, its maps instead of boxes");
  app.add_option("--bbox-thr", options.min_score,
                 "ONNX: least score of a person's box, by default 0.3")
      ->check(number_between(0, 1));
  app.add_option("--nms-thr", options.nms_iou,
                 "ONNX: of two boxes that overlap more, the better one stays; by default 0.3")
      ->check(number_between(0, 1));
  app.add_option("--max-detections", options.max_detections,
                 "ONNX: most boxes of one image, by default 100")
      ->check(CLI::Range(1, 100000));
  for (CLI::Option* option : app.get_options()) {
    if (std::ranges::find(before, option) == before.end()) arguments.of_onnx.push_back(option);
  }
}

ConvertResult write_copy(const Checkpoint& checkpoint, const ConvertArguments& arguments,
                         Session& session) {
  WriteProgress progress("writing", session.interrupts);
  return convert_checkpoint(checkpoint, arguments.output, arguments.convert, progress.callback());
}

void run(const ConvertArguments& arguments, Session& session) {
  session.interrupts.set_exit_message({}, session.json);
  expect_options(arguments);
  if (arguments.to_onnx()) return write_onnx(arguments, session);
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
  CLI::App* convert = app.add_subcommand(
      "convert", "Write a copy of a checkpoint with canonical names, or an ONNX file");
  takes_checkpoint(convert->add_option("CKPT", arguments->checkpoint, kCheckpointHelp))->required();
  convert->add_option("OUT", arguments->output, "File to write, .safetensors, .pth or .onnx")
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
          "Type of the numbers; by default each tensor keeps its own, in ONNX files f32")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
  arguments->of_checkpoints = {
      convert->get_option("--layout"),
      convert->add_flag("--keep-unused", options.keep_unused,
                        "Also copy what no model needs: decoder, other heads")};
  add_onnx_options(*convert, *arguments);
  add_model_options(*convert, options.model);
  add_json_flag(*convert, session);
  convert->footer(
      "Example:\n  sapiens convert sapiens_0.3b_epoch_1600_clean.pth fixed.pth --layout mmengine\n"
      "  sapiens convert sapiens_0.3b_goliath_best.pth pose.onnx --with-preprocessing");
  convert->callback([arguments, &session] { run(*arguments, session); });
}

}  // namespace sapiens::cli
