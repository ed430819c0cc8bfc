#include "model/rtmdet_params.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace sapiens {
namespace {

constexpr std::string_view kCounter = ".num_batches_tracked";

class Layout {
 public:
  // Convolution and batch norm.
  void conv(const std::string& module, Index out, Index in, Index kernel) {
    params_.push_back({module + ".conv.weight", {out, in, kernel, kernel}});
    for (const char* const part : {"weight", "bias", "running_mean", "running_var"}) {
      params_.push_back({fmt::format("{}.bn.{}", module, part), {out}});
    }
    params_.push_back({fmt::format("{}.bn{}", module, kCounter), {}});
  }

  // A convolution with bias, behind which there is no norm.
  void plain_conv(const std::string& module, Index out, Index in) {
    params_.push_back({module + ".weight", {out, in, 1, 1}});
    params_.push_back({module + ".bias", {out}});
  }

  void csp(const std::string& module, Index out, Index in, Index blocks, bool attention) {
    const Index middle = out / 2;
    conv(module + ".main_conv", middle, in, 1);
    conv(module + ".short_conv", middle, in, 1);
    conv(module + ".final_conv", out, 2 * middle, 1);
    for (Index i = 0; i < blocks; ++i) {
      const std::string block = fmt::format("{}.blocks.{}", module, i);
      conv(block + ".conv1", middle, middle, 3);
      conv(block + ".conv2.depthwise_conv", middle, 1, 5);
      conv(block + ".conv2.pointwise_conv", middle, middle, 1);
    }
    if (attention) plain_conv(module + ".attention.fc", 2 * middle, 2 * middle);
  }

  std::vector<ParamSpec> take() { return std::move(params_); }

 private:
  std::vector<ParamSpec> params_;
};

void add_backbone(Layout& layout, const RtmDetConfig& config) {
  Index in = 3;
  for (std::size_t i = 0; i < config.stem.size(); ++i) {
    layout.conv(fmt::format("backbone.stem.{}", i), config.stem[i], in, 3);
    in = config.stem[i];
  }
  for (std::size_t i = 0; i < config.widths.size(); ++i) {
    const std::string stage = fmt::format("backbone.stage{}", i + 1);
    const Index out = config.widths[i];
    layout.conv(stage + ".0", out, in, 3);
    const bool last = i + 1 == config.widths.size();
    if (last) {
      layout.conv(stage + ".1.conv1", out / 2, out, 1);
      layout.conv(stage + ".1.conv2", out, out / 2 * 4, 1);
    }
    layout.csp(fmt::format("{}.{}", stage, last ? 2 : 1), out, out, config.blocks[i], true);
    in = out;
  }
}

void add_neck(Layout& layout, const RtmDetConfig& config) {
  const Index p3 = config.widths[1], p4 = config.widths[2], p5 = config.widths[3];
  const auto csp = [&](const char* module, Index out, Index in) {
    layout.csp(module, out, in, config.neck_blocks, false);
  };
  layout.conv("neck.reduce_layers.0", p4, p5, 1);
  layout.conv("neck.reduce_layers.1", p3, p4, 1);
  csp("neck.top_down_blocks.0", p4, 2 * p4);
  csp("neck.top_down_blocks.1", p3, 2 * p3);
  layout.conv("neck.downsamples.0", p3, p3, 3);
  layout.conv("neck.downsamples.1", p4, p4, 3);
  csp("neck.bottom_up_blocks.0", p4, 2 * p3);
  csp("neck.bottom_up_blocks.1", p5, 2 * p4);
  layout.conv("neck.out_convs.0", config.head_width, p3, 3);
  layout.conv("neck.out_convs.1", config.head_width, p4, 3);
  layout.conv("neck.out_convs.2", config.head_width, p5, 3);
}

void add_head(Layout& layout, const RtmDetConfig& config) {
  const Index width = config.head_width;
  for (const char* const branch : {"cls_convs", "reg_convs"}) {
    for (std::size_t level = 0; level < kDetectorStrides.size(); ++level) {
      for (Index i = 0; i < config.head_convs; ++i) {
        layout.conv(fmt::format("bbox_head.{}.{}.{}", branch, level, i), width, width, 3);
      }
    }
  }
  for (const auto& [branch, outputs] : {std::pair("rtm_cls", 1), std::pair("rtm_reg", 4)}) {
    for (std::size_t level = 0; level < kDetectorStrides.size(); ++level) {
      layout.plain_conv(fmt::format("bbox_head.{}.{}", branch, level), outputs, width);
    }
  }
}

bool is_shared_copy(std::string_view key) {
  return (key.starts_with("bbox_head.cls_convs.") || key.starts_with("bbox_head.reg_convs.")) &&
         key.ends_with(".conv.weight") && key.find("_convs.0.") == std::string_view::npos;
}

}  // namespace

std::vector<ParamSpec> rtmdet_layout(const RtmDetConfig& config) {
  Layout layout;
  add_backbone(layout, config);
  add_neck(layout, config);
  add_head(layout, config);
  return layout.take();
}

std::vector<ParamSpec> rtmdet_params(const RtmDetConfig& config) {
  std::vector<ParamSpec> params = rtmdet_layout(config);
  std::erase_if(params, [](const ParamSpec& param) { return param.key.ends_with(kCounter); });
  return params;
}

Index rtmdet_trained_values(const RtmDetConfig& config) {
  Index values = 0;
  for (const ParamSpec& param : rtmdet_params(config)) {
    if (param.key.find(".running_") != std::string::npos || is_shared_copy(param.key)) continue;
    Index size = 1;
    for (const Index extent : param.shape) size *= extent;
    values += size;
  }
  return values;
}

}  // namespace sapiens
