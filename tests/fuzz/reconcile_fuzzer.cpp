// A text as the names and shapes of a file's tensors: what is recognised, and what is said of it.
//   state_dict|backbone.layers.0.ln1.weight 1024     a dictionary, a name and a shape
//   !scales 3 3                                      a tensor whose values cannot be read
//   =meta.epoch 1600                                 a text beside the tensors
//   @name 3                                          one more name of tensor 3
//   ?decoder.                                        a prefix that the user gives
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/shape.hpp"
#include "engine/assess.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/lines.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_lines)

namespace {

using namespace sapiens;

constexpr std::size_t kMaxTensors = 3000;

std::vector<Index> numbers(std::string_view text) {
  std::vector<Index> found;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    Index number = 0;
    const auto result = std::from_chars(at, text.data() + text.size(), number);
    if (result.ec == std::errc() && number >= 0) found.push_back(number);
    at = result.ptr + (result.ptr != text.data() + text.size());
  }
  return found;
}

void add_tensor(StateDict& dict, std::string_view name, std::string_view shape) {
  TensorEntry tensor;
  const bool unreadable = name.starts_with('!');
  if (unreadable) {
    name.remove_prefix(1);
    tensor.unreadable = Unreadable{.type = "sparse", .reason = "a sparse tensor"};
  }
  const std::size_t bar = name.find('|');
  if (bar != name.npos) tensor.container = name.substr(0, bar);
  tensor.key = name.substr(bar == name.npos ? 0 : bar + 1);
  tensor.shape = numbers(shape);
  // Readers refuse such a shape.
  if (checked_numel(tensor.shape) && dict.tensors.size() < kMaxTensors) {
    dict.tensors.push_back(std::move(tensor));
  }
}

void add_line(StateDict& dict, ModelOptions& options, std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view name = line.substr(0, space);
  const std::string_view rest = line.substr(std::min(space + 1, line.size()));
  if (name.starts_with('=')) {
    dict.metadata.emplace(name.substr(1), rest);
  } else if (name.starts_with('?')) {
    options.prefix = name.substr(1);
  } else if (name.starts_with('@')) {
    const auto index = numbers(rest);
    if (index.empty() || index[0] >= std::ssize(dict.tensors)) return;
    dict.aliases.emplace_back(name.substr(1), static_cast<std::size_t>(index[0]));
  } else {
    add_tensor(dict, name, rest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  StateDict dict;
  dict.path = "input";
  ModelOptions options;
  for (const std::string& line : fuzz::take_lines_apart(fuzz::text_of(data, size))) {
    add_line(dict, options, line);
  }
  try {
    const auto assessment = std::make_shared<const Assessment>(dict, options);
    const Inspection inspection = assessment->inspection();
    const Report& report = inspection.report;
    if (report.bound > report.required) __builtin_trap();
    inspection.text();
    inspection.json();
    if (is_usable(report.verdict) && !report.missing.empty()) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
