#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <optional>
#include <sapiens/detector.hpp>
#include <sapiens/error.hpp>
#include <sapiens/features.hpp>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cli/terminal/interrupts.hpp"

namespace sapiens::cli {

// Type names of options say what is expected: in help texts, in man pages and to completions
// (program_description.hpp), which offer files for FILE, folders for DIR, names of published
// checkpoints for NAME, and words in small letters as they are ("auto|none|DIR").
inline constexpr const char* kFileType = "FILE";
inline constexpr const char* kFolderType = "DIR";
inline constexpr const char* kInputType = "FILE|DIR";
inline constexpr const char* kPublishedType = "NAME";
inline constexpr const char* kCheckpointType = "FILE|NAME";

/// The command line, with the program's name at its beginning.
using Words = std::span<const char* const>;

/// What the commands share with main().
struct Session {
  Interrupts& interrupts;
  Words words = {};
  bool json = false;
  int exit_code = 0;
};

/// Names of the encoder's sizes; the tiny ones are for tests.
std::vector<std::string> arch_names(bool with_tiny);
/// They as the type name of an option.
std::string arch_type(bool with_tiny = false);

/// "768x1024" as height and width; nothing for anything else.
std::optional<Grid> parse_grid(std::string_view text);
/// "5,11,-1"; nothing for anything else.
std::optional<std::vector<Index>> parse_layers(std::string_view text);

/// "jpg;png" or "jpg,png", in small letters; nothing for anything else.
std::optional<std::vector<std::string>> parse_image_keys(std::string_view text);

/// "x,y,width,height" in pixels, each within a million; nothing for anything else, nor for a box
/// without area.
std::optional<Box> parse_box(std::string_view text);

/// --arch, --task, --heads, --grid.
void add_model_options(CLI::App& app, ModelOptions& model);
/// --patch-padding.
CLI::Option* add_patch_padding_option(CLI::App& app, ModelOptions& model, const std::string& help);
/// --prefix; part of add_model_options.
CLI::Option* add_prefix_option(CLI::App& app, ModelOptions& model);
/// The prefix of each of several checkpoints, empty where none is `given`: as "pose=encoder_q", or
/// "encoder_q" where there is one checkpoint. Throws `Error(InvalidArgument)` for a label that is
/// not among `labels`.
std::vector<std::string> prefixes_of(std::span<const std::string> given,
                                     std::span<const std::string> labels);
/// --prefix, which may be given several times; `what` stands for a label in the help.
void add_labelled_prefix_option(CLI::App& app, std::vector<std::string>& prefixes,
                                const std::string& what);

void add_threads_option(CLI::App& app, EngineOptions& engine);
/// --threads, --isa, --precision.
void add_engine_options(CLI::App& app, EngineOptions& engine);
CLI::Option* add_size_option(CLI::App& app, std::optional<Grid>& size, const std::string& help);
/// --out-type, a list.
CLI::Option* add_out_types_option(CLI::App& app, std::vector<OutType>& types,
                                  const std::string& help);
void add_layers_option(CLI::App& app, std::vector<Index>& layers);
/// --detector, whose path `checkpoint` becomes and which is returned, --bbox-thr, --nms-thr.
CLI::Option* add_detector_options(CLI::App& app, std::string& checkpoint, DetectOptions& options,
                                  const std::string& help);
void add_json_flag(CLI::App& app, Session& session);

/// CLI::Range, which lets NaN pass, for numbers that are not whole.
CLI::Validator number_between(double least, double most);

/// A number within `range`; what `value` has now is the default.
template <typename T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& value,
                        std::array<std::type_identity_t<T>, 2> range, const std::string& help) {
  const auto [least, most] = range;
  CLI::Option* option = app.add_option(name, value, help)->capture_default_str();
  if constexpr (std::is_floating_point_v<T>) {
    return option->check(number_between(least, most));
  } else {
    return option->check(CLI::Range(least, most));
  }
}

/// An option with named values; the one `value` has now is the default.
template <typename T>
void add_choice(CLI::App& app, const std::string& name, T& value,
                const std::vector<std::pair<std::string, T>>& choices, const std::string& help) {
  std::vector<std::string> names;
  std::string initial;
  for (const auto& [text, choice] : choices) {
    names.push_back(text);
    if (choice == value) initial = text;
  }
  app.add_option_function<std::string>(
         name,
         [&value, choices](const std::string& given) {
           for (const auto& [text, choice] : choices) {
             if (text == given) value = choice;
           }
         },
         help)
      ->check(CLI::IsMember(names))
      ->default_str(initial);
}

std::vector<std::pair<std::string, DType>> float_types();
std::vector<std::pair<std::string, OutType>> out_types();
std::vector<std::pair<std::string, Layout>> layouts();

inline constexpr const char* kCheckpointHelp = "Checkpoint: a file, or a name of `sapiens pull`";

/// Lets `option` take the name of a published checkpoint ("0.3b:seg") where it takes a file: what
/// it sets is the path of the file that `sapiens pull` downloaded.
CLI::Option* takes_checkpoint(CLI::Option* option);

/// What a user gave to a command that works through images.
struct JobOptions {
  std::string checkpoint;
  std::vector<std::string> inputs;
  std::vector<std::string> image_keys;  ///< InputRules::image_keys.
  std::string output;
  bool recursive = false;
  bool resume = false;
  bool viz = false;
  ModelOptions model;  ///< Its input_size is --size.
  EngineOptions engine;
};

/// CKPT.
void add_checkpoint_argument(CLI::App& app, JobOptions& options);
/// INPUT, --image-key, --output, --recursive, --resume, and --viz where `viz_help` says what it
/// draws.
void add_job_options(CLI::App& app, JobOptions& options, const std::string& inputs_help,
                     const std::string& viz_help = {});
/// --preprocess with the words of `lite_help` for what lite does, and --batch.
void add_batch_options(CLI::App& app, PreprocessMode& preprocess, Index& batch,
                       const std::string& lite_help, const std::string& batch_help);
/// --size, --threads and so on.
void add_network_options(CLI::App& app, JobOptions& options);
/// --arch and so on, --patch-padding: what a user knows better than the weights of one checkpoint.
void add_checkpoint_options(CLI::App& app, JobOptions& options);

}  // namespace sapiens::cli
