#include <fmt/format.h>

#include <algorithm>
#include <sapiens/option_names.hpp>
#include <sapiens/printable.hpp>
#include <utility>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

struct Word {
  std::string_view field, shown;
};
constexpr Word kWords[] = {
    {"allow_partial", "--allow-partial"},
    {"arch", "--arch"},
    {"attention", "--attention"},
    {"batch", "--batch"},
    {"decoder_heads", "--decoder-heads"},
    {"dtype", "--dtype"},
    {"dynamic_size", "--dynamic-size"},
    {"folder", "--dir"},
    {"grid", "--grid"},
    {"heads", "--heads"},
    {"input_size", "--size"},
    {"isa", "--isa"},
    {"layers", "--layers"},
    {"layout", "--layout"},
    {"mask_ratio", "--mask-ratio"},
    {"max_detections", "--max-detections"},
    {"min_score", "--bbox-thr"},
    {"nms_iou", "--nms-thr"},
    {"opset", "--opset"},
    {"out_type", "--out-type"},
    {"patch_padding", "--patch-padding"},
    {"prefix", "--prefix"},
    {"preprocess", "--preprocess"},
    {"raw_maps", "--raw-maps"},
    {"published_files", "`sapiens pull --list`"},
    {"task", "--task"},
    {"threads", "--threads"},
    {"verify_checkpoint", "sapiens inspect --verify"},
    {"with_preprocessing", "--with-preprocessing"},
    {"write_class_png", "`sapiens seg --format png`"},
};

// `text` as one word of a command that may be copied into a shell.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+:@%,-=";
  if (text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string quoted = "'";
  if (printable(text) != text) {  // the quotes of bash and others that read what is spelled out
    for (const char c : text)
      quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return "$" + printable(quoted) + "'";
  }
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// Writes a copy that the original loads.
std::string conversion(const Inspection& inspection) {
  std::string command = fmt::format("sapiens convert {} fixed.pth --layout mmengine",
                                    shell_word(inspection.file.path));
  const auto& models = inspection.report.candidates;
  const auto taken = std::find_if(models.begin(), models.end(),
                                  [](const FoundModel& model) { return model.taken; });
  if (models.size() > 1 && taken != models.end()) {
    command += " --prefix " + shell_word(printable(taken->prefix));
  }
  return command;
}

}  // namespace

std::string_view flag_of(std::string_view field) {
  const auto* const word =
      std::find_if(std::begin(kWords), std::end(kWords),
                   [&](const Word& candidate) { return candidate.field == field; });
  return word == std::end(kWords) ? std::string_view() : word->shown;
}

Error with_flags(const Error& error) {
  ErrorDetail detail = error.detail();
  if (const std::string_view flag = flag_of(std::exchange(detail.option, {})); !flag.empty()) {
    detail.key = flag;
  }
  for (std::string* const text :
       {&detail.summary, &detail.expected, &detail.actual, &detail.hint}) {
    *text = with_option_names(*text, flag_of);
  }
  return Error(error.code(), std::move(detail));
}

std::string inspection_text(const Inspection& inspection, bool colour) {
  return inspection.text(
      {.colour = colour, .option_name = flag_of, .conversion = conversion(inspection)});
}

}  // namespace sapiens::cli
