#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "model/config.hpp"
#include "model/param_loader.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/error.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// Reads the parameters of a checkpoint according to a plan; both must outlive this object.
class PlanSource final : public ParamSource {
 public:
  PlanSource(const StateDict& dict, const Plan& plan);

  void read(const std::string& key, Index first, std::span<float> out) const override;
  DType stored_type(const std::string& key) const override;
  void release(const std::string& key) const override;

 private:
  const StateDict& dict_;
  std::map<std::string_view, const Binding*> bindings_;  // by the keys of the plan
};

inline constexpr std::string_view kNothingComputed = "nothing was computed";

/// Throws `Error(InvalidArgument)` if the number of attention heads is unknown.
void require_known_heads(const EncoderConfig& encoder);
void require_known_heads(const DecoderConfig& decoder);

/// The error for weights with NaN or infinity, where `consequence`. It suggests `allow_partial` to
/// those who compute.
Error non_finite_error(const FileInfo& file, const std::vector<NonFinite>& found,
                       std::string_view consequence = kNothingComputed);

}  // namespace sapiens
