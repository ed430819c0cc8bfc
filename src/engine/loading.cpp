#include "engine/loading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/problems.hpp"
#include "reconcile/materialize.hpp"

namespace sapiens {
namespace {

void require_heads(const BlockSize& size, const char* of_what, const char* option) {
  if (size.heads > 0) return;
  std::string divisors;
  for (Index heads = 1; heads <= size.width / 8; ++heads) {
    if (size.width % heads == 0)
      divisors += fmt::format("{}{}", divisors.empty() ? "" : ", ", heads);
  }
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary =
           fmt::format("the number of attention heads{} cannot be seen in the weights", of_what),
       .option = option,
       .expected = fmt::format("a divisor of the width {}: {}", size.width, divisors),
       .actual = "none given, and this width was never published",
       .hint = fmt::format("add `{}` N with the number the model was trained with", option)});
}

}  // namespace

PlanSource::PlanSource(const StateDict& dict, const Plan& plan) : dict_(dict) {
  for (std::size_t i = 0; i < plan.params.size(); ++i) {
    bindings_.emplace(plan.params[i].key, &plan.bindings[i]);
  }
}

void PlanSource::read(const std::string& key, Index first, std::span<float> out) const {
  materialize(dict_, *bindings_.at(key), first, out);
}

DType PlanSource::stored_type(const std::string& key) const {
  return sapiens::stored_type(dict_, *bindings_.at(key));
}

void PlanSource::release(const std::string& key) const {
  sapiens::release(dict_, *bindings_.at(key));
}

void require_known_heads(const EncoderConfig& encoder) {
  require_heads(encoder.block(), "", "heads");
}

void require_known_heads(const DecoderConfig& decoder) {
  require_heads(decoder.block(), " of the decoder", "decoder_heads");
}

Error non_finite_error(const FileInfo& file, const std::vector<NonFinite>& found,
                       std::string_view consequence) {
  const auto parameters = static_cast<Index>(found.size());
  std::string summary =
      fmt::format("{} {} NaN or infinity, so {}", counted(parameters, "parameter"),
                  parameters == 1 ? "holds" : "hold", consequence);
  std::string hint =
      "training diverged or the file is damaged: take another checkpoint, or fetch it again";
  if (consequence == kNothingComputed) {
    hint += "; to compute with it anyway, and every output marked: `allow_partial`";
  }
  constexpr std::size_t kShown = 8;
  for (std::size_t i = 0; i < std::min(found.size(), kShown); ++i) {
    summary += fmt::format("\n  {}  {}", printable(found[i].key), counted(found[i].count, "value"));
  }
  if (found.size() > kShown) summary += fmt::format("\n  ... and {} more", found.size() - kShown);
  return Error(ErrorCode::CheckpointRefused, {.summary = summary,
                                              .file = file.path,
                                              .key = found.front().key,
                                              .expected = "finite numbers",
                                              .hint = hint});
}

}  // namespace sapiens
