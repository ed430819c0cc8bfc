#include "cli/options/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sapiens/architecture.hpp>
#include <sapiens/error.hpp>
#include <sapiens/hub.hpp>
#include <string>

#include "cli/terminal/messages.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

// More than any image: a mistyped number is an error here, not a failed allocation later.
constexpr Index kMaxExtent = 1 << 16;

CLI::Option* add_grid_option(CLI::App& app, const std::string& name, std::optional<Grid>& grid,
                             const std::string& help, Index least = 1) {
  return app
      .add_option_function<std::string>(
          name,
          [&grid, name, least](const std::string& text) {
            grid = parse_grid(text);
            if (!grid) throw CLI::ValidationError(name, "`" + text + "` is not HEIGHTxWIDTH");
            if (std::min(grid->height, grid->width) < least) {
              throw CLI::ValidationError(
                  name, "`" + text + "` is too small: at least " + std::to_string(least));
            }
          },
          help)
      ->type_name("HxW");
}

}  // namespace

std::vector<std::string> arch_names(bool with_tiny) {
  std::vector<std::string> names;
  for (const Architecture& arch : architectures()) {
    if (with_tiny || arch.published) names.push_back(arch.name);
  }
  return names;
}

std::string arch_type(bool with_tiny) {
  return fmt::format("{}", fmt::join(arch_names(with_tiny), "|"));
}

std::optional<Grid> parse_grid(std::string_view text) {
  const std::size_t cross = text.find_first_of("xX");
  if (cross == std::string_view::npos) return std::nullopt;
  const auto height = parse_number<Index>(text.substr(0, cross));
  const auto width = parse_number<Index>(text.substr(cross + 1));
  const auto sensible = [](std::optional<Index> n) { return n && 1 <= *n && *n <= kMaxExtent; };
  if (!sensible(height) || !sensible(width)) return std::nullopt;
  return Grid{*height, *width};
}

std::optional<std::vector<Index>> parse_layers(std::string_view text) {
  std::vector<Index> layers;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto layer = parse_number<Index>(text.substr(0, comma));
    if (!layer) return std::nullopt;
    layers.push_back(*layer);
    if (comma == std::string_view::npos) return layers;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::vector<std::string>> parse_image_keys(std::string_view text) {
  std::vector<std::string> keys;
  while (true) {
    const std::size_t end = text.find_first_of(";,");
    std::string_view key = text.substr(0, end);
    if (key.starts_with('.')) key.remove_prefix(1);
    if (key.empty() || key.find('/') != key.npos) return std::nullopt;
    keys.push_back(lower_case(key));
    if (end == text.npos) return keys;
    text.remove_prefix(end + 1);
  }
}

std::optional<Box> parse_box(std::string_view text) {
  constexpr double kMaxPixel = 1e6;  // more than any image has: what lies farther out is a mistake
  float numbers[4];
  for (int i = 0; i < 4; ++i) {
    const std::size_t end = i == 3 ? text.size() : text.find(',');
    const auto number = parse_number<double>(text.substr(0, end));
    if (!number || end == text.npos || !(std::abs(*number) <= kMaxPixel)) return std::nullopt;
    numbers[i] = static_cast<float>(*number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!(numbers[2] > 0 && numbers[3] > 0)) return std::nullopt;
  return Box{.x = numbers[0], .y = numbers[1], .width = numbers[2], .height = numbers[3]};
}

void add_model_options(CLI::App& app, ModelOptions& model) {
  app.add_option("--arch", model.arch, "Refuse anything but this model")->type_name(arch_type());
  app.add_option_function<std::string>(
         "--task", [&model](const std::string& name) { model.task = parse_task(name); },
         "Take the file as this task")
      ->type_name("pretrain|backbone|pose|seg|depth|normal");
  app.add_option("--heads", model.heads, "Attention heads, for widths that were never published")
      ->check(CLI::Range(Index{1}, Index{1024}));
  add_grid_option(app, "--grid", model.grid, "Position grid of the file, where it is not square");
  add_prefix_option(app, model);
}

CLI::Option* add_patch_padding_option(CLI::App& app, ModelOptions& model, const std::string& help) {
  return app.add_option("--patch-padding", model.patch_padding, help)->check(CLI::IsMember({0, 2}));
}

CLI::Option* add_prefix_option(CLI::App& app, ModelOptions& model) {
  return app
      .add_option("--prefix", model.prefix,
                  "Of several models in the file, the one whose names begin so; . for no prefix")
      ->type_name("PREFIX");
}

std::vector<std::string> prefixes_of(std::span<const std::string> given,
                                     std::span<const std::string> labels) {
  std::vector<std::string> prefixes(labels.size());
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    const bool has_label = equals != std::string::npos;
    const std::string prefix = has_label ? text.substr(equals + 1) : text;
    bool known = false;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (has_label ? labels[i] != text.substr(0, equals) : labels.size() > 1) continue;
      prefixes[i] = prefix;
      known = true;
    }
    if (known && !prefix.empty()) continue;
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = "this does not tell which model the prefix is for",
         .key = "--prefix",
         .expected = labels.empty() ? "" : fmt::format("{}=PREFIX", fmt::join(labels, "=PREFIX, ")),
         .actual = text});
  }
  return prefixes;
}

void add_labelled_prefix_option(CLI::App& app, std::vector<std::string>& prefixes,
                                const std::string& what) {
  app.add_option("--prefix", prefixes,
                 "Of several models in a checkpoint, the one whose names begin so; . for no "
                 "prefix; may be given for each " +
                     what)
      ->type_name("[" + what + "=]PREFIX");
}

void add_threads_option(CLI::App& app, EngineOptions& engine) {
  add_number(app, "--threads", engine.threads, {0, 1024},
             "Threads; 0 takes every core this process may use");
}

void add_engine_options(CLI::App& app, EngineOptions& engine) {
  add_threads_option(app, engine);
  app.add_option("--isa", engine.isa,
                 "Highest kernel level; by default SAPIENS_ISA, else the best this CPU has")
      ->check(CLI::IsMember({"reference", "avx2", "avx512", "amx"}));
  add_choice<Precision>(app, "--precision", engine.precision,
                        {{"auto", Precision::Auto},
                         {"fp32", Precision::Fp32},
                         {"bf16", Precision::Bf16},
                         {"int8", Precision::Int8}},
                        "Arithmetic; auto: bf16 where this CPU is faster with it, else fp32");
}

CLI::Option* add_size_option(CLI::App& app, std::optional<Grid>& size, const std::string& help) {
  constexpr Index kPatch = 16;
  return add_grid_option(app, "--size", size, help, kPatch);
}

CLI::Option* add_out_types_option(CLI::App& app, std::vector<OutType>& types,
                                  const std::string& help) {
  return app.add_option("--out-type", types, help)
      ->delimiter(',')
      ->transform(CLI::CheckedTransformer(out_types()).description(""))
      ->type_name("featmap|raw|cls_token|avg_featmap|registers,...");
}

void add_layers_option(CLI::App& app, std::vector<Index>& layers) {
  app.add_option_function<std::string>(
         "--layers",
         [&layers](const std::string& text) {
           const auto parsed = parse_layers(text);
           if (!parsed) {
             throw CLI::ValidationError("--layers", "`" + text + "` is not a list like 5,11,23");
           }
           layers = *parsed;
         },
         "Blocks to write, counted from 0, negative from the end, as in 5,11,23; by default the "
         "last")
      ->type_name("N,N,...");
}

CLI::Option* add_detector_options(CLI::App& app, std::string& checkpoint, DetectOptions& options,
                                  const std::string& help) {
  CLI::Option* detector = takes_checkpoint(app.add_option("--detector", checkpoint, help));
  add_number(app, "--bbox-thr", options.min_score, {0, 1}, "Least score of a detected person")
      ->needs(detector);
  add_number(app, "--nms-thr", options.nms_iou, {0, 1},
             "Of two detected persons that overlap more, the better one stays")
      ->needs(detector);
  return detector;
}

void add_json_flag(CLI::App& app, Session& session) {
  // At once: an option that is refused after it has been parsed already reports as JSON.
  app.add_flag("--json", session.json, "Print one JSON document on standard output")
      ->trigger_on_parse();
}

std::vector<std::pair<std::string, DType>> float_types() {
  return {{"f32", DType::F32}, {"bf16", DType::BF16}, {"f16", DType::F16}};
}

std::vector<std::pair<std::string, OutType>> out_types() {
  std::vector<std::pair<std::string, OutType>> choices;
  for (const OutType type : kAllOutTypes) choices.emplace_back(out_type_name(type), type);
  return choices;
}

std::vector<std::pair<std::string, Layout>> layouts() {
  return {{"clean", Layout::Clean},
          {"mmengine", Layout::MMEngine},
          {"published", Layout::Published},
          {"timm", Layout::Timm}};
}

CLI::Validator number_between(double least, double most) {
  CLI::Validator range = CLI::Range(least, most);
  range.operation([least, most](std::string& text) -> std::string {
    double number = 0;
    if (CLI::detail::lexical_cast(text, number) && least <= number && number <= most) return "";
    return fmt::format("`{}` is no number from {} to {}", text, least, most);
  });
  return range;
}

CLI::Option* takes_checkpoint(CLI::Option* option) {
  return option->transform([](const std::string& given) { return find_checkpoint(given).string(); })
      ->type_name(kCheckpointType);
}

void add_checkpoint_argument(CLI::App& app, JobOptions& options) {
  takes_checkpoint(app.add_option("CKPT", options.checkpoint, kCheckpointHelp))->required();
}

void add_job_options(CLI::App& app, JobOptions& options, const std::string& inputs_help,
                     const std::string& viz_help) {
  app.add_option("INPUT", options.inputs, inputs_help)->required()->type_name(kInputType);
  app.add_option_function<std::string>(
         "--image-key",
         [&options](const std::string& text) {
           const auto keys = parse_image_keys(text);
           if (!keys) {
             throw CLI::ValidationError("--image-key", "`" + text + "` is not a list like jpg;png");
           }
           options.image_keys = *keys;
         },
         "In tar archives: fields of a sample that hold its image, the best first; by default "
         "jpg;jpeg;png;webp")
      ->type_name("KEY;KEY;...");
  app.add_flag("-r,--recursive", options.recursive, "Also search folders inside folders");
  app.add_option("-o,--output", options.output, "Folder for the results")
      ->required()
      ->type_name(kFolderType);
  app.add_flag("--resume", options.resume, "Keep what an interrupted run has finished");
  if (!viz_help.empty()) app.add_flag("--viz", options.viz, viz_help);
}

void add_batch_options(CLI::App& app, PreprocessMode& preprocess, Index& batch,
                       const std::string& lite_help, const std::string& batch_help) {
  add_choice<PreprocessMode>(app, "--preprocess", preprocess,
                             {{"full", PreprocessMode::Full}, {"lite", PreprocessMode::Lite}},
                             "full: as in training; lite: " + lite_help);
  add_number(app, "--batch", batch, {1, 4096}, batch_help);
}

void add_network_options(CLI::App& app, JobOptions& options) {
  add_size_option(app, options.model.input_size,
                  "Size the images are resized to; by default the model's own");
  add_engine_options(app, options.engine);
}

void add_checkpoint_options(CLI::App& app, JobOptions& options) {
  add_model_options(app, options.model);
  add_patch_padding_option(app, options.model,
                           "Padding of the patch embedding, 0 or 2; by default the task decides");
}

}  // namespace sapiens::cli
