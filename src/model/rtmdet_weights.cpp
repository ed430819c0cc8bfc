#include "model/rtmdet_weights.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "model/param_loader.hpp"
#include "model/rtmdet_params.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// PyTorch's [out, in, kernel, kernel] with the batch norm folded in.
struct FoldedConv {
  std::vector<float> weight, bias;
  Index in = 0, kernel = 1;

  TensorView<const float, 4> view() const {
    return {weight.data(), {std::ssize(bias), in, kernel, kernel}};
  }
  // Both on the same input, the outputs of `more` behind the others.
  void append(const FoldedConv& more) {
    weight.insert(weight.end(), more.weight.begin(), more.weight.end());
    bias.insert(bias.end(), more.bias.begin(), more.bias.end());
  }
};

class RtmDetLoader {
 public:
  RtmDetLoader(const RtmDetConfig& config, const ParamSource& source, const Ops& ops,
               const std::function<void(double)>& progress)
      : config_(config),
        ops_(ops),
        specs_(rtmdet_params(config)),
        params_(specs_, source, ops, progress) {}

  LoadedRtmDet run() {
    backbone();
    neck();
    for (std::size_t level = 0; level < kDetectorStrides.size(); ++level) {
      w_.cls[level] = branch("cls", level, 1);
      w_.reg[level] = branch("reg", level, 4);
    }
    return {.weights = std::move(w_), .bytes = bytes_, .non_finite = params_.take_non_finite()};
  }

 private:
  void backbone() {
    Index in = 3;
    for (std::size_t i = 0; i < w_.stem.size(); ++i) {
      w_.stem[i] = conv(fmt::format("backbone.stem.{}", i), config_.stem[i], in, 3, i == 0 ? 2 : 1);
      in = config_.stem[i];
    }
    for (std::size_t i = 0; i < w_.down.size(); ++i) {
      const std::string stage = fmt::format("backbone.stage{}", i + 1);
      const Index out = config_.widths[i];
      w_.down[i] = conv(stage + ".0", out, in, 3, 2);
      const bool last = i + 1 == w_.down.size();
      if (last) {
        w_.pool_in = conv(stage + ".1.conv1", out / 2, out, 1);
        w_.pool_out = conv(stage + ".1.conv2", out, out / 2 * 4, 1);
      }
      w_.stages[i] = csp(fmt::format("{}.{}", stage, last ? 2 : 1), out, out, config_.blocks[i]);
      w_.stages[i].add = !last;
      const std::string attention = fmt::format("{}.{}.attention.fc", stage, last ? 2 : 1);
      w_.stages[i].attention =
          params_.linear("channel_attention", attention, out / 2 * 2, out / 2 * 2);
      bytes_ += w_.stages[i].attention.bytes();
      in = out;
    }
  }

  void neck() {
    const Index p3 = config_.widths[1], p4 = config_.widths[2], p5 = config_.widths[3];
    const Index blocks = config_.neck_blocks;
    w_.reduce_layers[0] = conv("neck.reduce_layers.0", p4, p5, 1);
    w_.reduce_layers[1] = conv("neck.reduce_layers.1", p3, p4, 1);
    w_.top_down_blocks[0] = csp("neck.top_down_blocks.0", p4, 2 * p4, blocks);
    w_.top_down_blocks[1] = csp("neck.top_down_blocks.1", p3, 2 * p3, blocks);
    w_.downsamples[0] = conv("neck.downsamples.0", p3, p3, 3, 2);
    w_.downsamples[1] = conv("neck.downsamples.1", p4, p4, 3, 2);
    w_.bottom_up_blocks[0] = csp("neck.bottom_up_blocks.0", p4, 2 * p3, blocks);
    w_.bottom_up_blocks[1] = csp("neck.bottom_up_blocks.1", p5, 2 * p4, blocks);
    const std::array<Index, 3> widths{p3, p4, p5};
    for (std::size_t level = 0; level < widths.size(); ++level) {
      w_.out_convs[level] =
          conv(fmt::format("neck.out_convs.{}", level), config_.head_width, widths[level], 3);
    }
  }

  CspWeights csp(const std::string& module, Index out, Index in, Index blocks) {
    const Index middle = out / 2;
    CspWeights w;
    FoldedConv both = folded(module + ".main_conv", middle, in, 1);
    both.append(folded(module + ".short_conv", middle, in, 1));
    w.main_and_short = pack(both, 1);
    for (Index i = 0; i < blocks; ++i) {
      const std::string block = fmt::format("{}.blocks.{}", module, i);
      CspBlockWeights b;
      b.conv1 = conv(block + ".conv1", middle, middle, 3);
      const FoldedConv depthwise = folded(block + ".conv2.depthwise_conv", middle, 1, 5);
      b.depthwise = ops_.pack_depthwise(depthwise.view(), depthwise.bias);
      bytes_ += b.depthwise.bytes();
      b.pointwise = conv(block + ".conv2.pointwise_conv", middle, middle, 1);
      w.blocks.push_back(std::move(b));
    }
    w.final = conv(module + ".final_conv", out, 2 * middle, 1);
    return w;
  }

  // The levels share these convolutions, but not the norms that are folded into them.
  DetectorBranchWeights branch(const char* name, std::size_t level, Index outputs) {
    const Index width = config_.head_width;
    DetectorBranchWeights w;
    for (Index i = 0; i < config_.head_convs; ++i) {
      const auto module = fmt::format("bbox_head.{}_convs.{}.{}", name, level, i);
      w.convs.push_back(conv(module, width, width, 3));
    }
    const auto module = fmt::format("bbox_head.rtm_{}.{}", name, level);
    const AlignedBuffer<float> weight = params_.vector(module + ".weight", outputs * width);
    const AlignedBuffer<float> bias = params_.vector(module + ".bias", outputs);
    w.final = ops_.pack_conv2d("conv1x1", {weight.data(), {outputs, width, 1, 1}}, bias.span(), 1);
    bytes_ += w.final.bytes();
    return w;
  }

  Conv2dWeights conv(const std::string& module, Index out, Index in, Index kernel,
                     Index stride = 1) {
    return pack(folded(module, out, in, kernel), stride);
  }

  Conv2dWeights pack(const FoldedConv& conv, Index stride) {
    Conv2dWeights packed =
        ops_.pack_conv2d(conv.kernel == 1 ? "conv1x1" : "conv3x3", conv.view(), conv.bias, stride);
    bytes_ += packed.bytes();
    return packed;
  }

  // gamma (W x - mean) / sqrt(var + eps) + beta = (s W) x + (beta - s mean), s = gamma / sqrt(...)
  FoldedConv folded(const std::string& module, Index out, Index in, Index kernel) {
    const Index inputs = in * kernel * kernel;
    const AlignedBuffer<float> weight = params_.vector(module + ".conv.weight", out * inputs);
    const AlignedBuffer<float> gamma = params_.vector(module + ".bn.weight", out);
    const AlignedBuffer<float> beta = params_.vector(module + ".bn.bias", out);
    const AlignedBuffer<float> mean = params_.vector(module + ".bn.running_mean", out);
    const AlignedBuffer<float> variance = params_.vector(module + ".bn.running_var", out);
    FoldedConv result{.weight = {weight.span().begin(), weight.span().end()},
                      .bias = std::vector<float>(static_cast<std::size_t>(out)),
                      .in = in,
                      .kernel = kernel};
    for (Index o = 0; o < out; ++o) {
      expect_variance(module + ".bn.running_var", variance.data()[o]);
      const double scale = gamma.data()[o] / std::sqrt(variance.data()[o] + kDetectorEpsilon);
      float* const row = result.weight.data() + o * inputs;
      for (Index i = 0; i < inputs; ++i) row[i] = static_cast<float>(row[i] * scale);
      result.bias[static_cast<std::size_t>(o)] =
          static_cast<float>(beta.data()[o] - scale * mean.data()[o]);
    }
    return result;
  }

  const RtmDetConfig& config_;
  const Ops& ops_;
  std::vector<ParamSpec> specs_;
  ParamLoader params_;
  RtmDetWeights w_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

void expect_variance(const std::string& key, float variance) {
  if (!(variance < 0)) return;
  throw Error(ErrorCode::CheckpointRefused,
              {.summary = "a batch norm has a variance below zero, so nothing was computed",
               .key = key,
               .expected = "0 or more",
               .actual = fmt::format("{}", variance),
               .hint = "the file is damaged: fetch it again, or take another checkpoint"});
}

LoadedRtmDet load_rtmdet(const RtmDetConfig& config, const ParamSource& source, const Ops& ops,
                         const std::function<void(double)>& progress) {
  return RtmDetLoader(config, source, ops, progress).run();
}

}  // namespace sapiens
