#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "engine/random_weights.hpp"
#include "kernels/select.hpp"
#include "model/encoder.hpp"
#include "model/params.hpp"
#include "support/block_reference.hpp"
#include "support/function_source.hpp"
#include "support/random_numbers.hpp"
#include "support/sanitizers.hpp"

namespace sapiens {
namespace {

struct Size {
  const char* arch;
  Index image;         // side in pixels
  Index kv_heads = 0;  // of the second block, where they are fewer than heads
};

// Under a sanitizer the double-precision reference would take many minutes; the widths stay, the
// image shrinks.
Index image_side(const Size& size) {
  return kUnderSanitizer ? std::min<Index>(size.image, 128) : size.image;
}

enum class Blocks {
  Working,
  Idle,  // both branches add nothing, so that the tokens after a block are those before it
};

// The first blocks of a model as `sapiens synth` makes it, at its real width.
class FirstBlocks {
 public:
  FirstBlocks(const Size& size, Index depth, Blocks blocks)
      : synth_(synth_model({.arch = size.arch})), image_(image_side(size)), blocks_(blocks) {
    config_ = synth_.encoder;
    config_.depth = depth;
    config_.grid = patch_grid({image_, image_}, 0);
    if (size.kv_heads > 0) config_.kv_heads[1] = size.kv_heads;
    params_ = encoder_params(config_);
    const FunctionSource source([this](const std::string& key, Index first, std::span<float> out) {
      read(key, first, out);
    });
    layers_ = load_encoder(config_, source, ops_).layers;
  }

  std::vector<float> values(const std::string& key) const {
    const ParamSpec spec = spec_of(key);
    Index size = 1;
    for (const Index extent : spec.shape) size *= extent;
    std::vector<float> numbers(static_cast<std::size_t>(size));
    read(key, 0, numbers);
    return numbers;
  }

  // Tokens after each of the first blocks, not normalised.
  std::vector<std::vector<float>> run(const std::vector<float>& image) {
    const Index T = config_.tokens();
    std::vector<std::vector<float>> tokens(static_cast<std::size_t>(config_.depth));
    std::vector<EncoderTap> taps;
    for (Index i = 0; i < config_.depth; ++i) {
      auto& out = tokens[static_cast<std::size_t>(i)];
      out.resize(static_cast<std::size_t>(T * config_.width));
      taps.push_back({.layer = i, .norm = false, .tokens = {out.data(), {1, T, config_.width}}});
    }
    const EncoderNetwork encoder(config_, *layers_, ops_);
    const TensorView<const float, 3> input(image.data(), {3, image_, image_});
    std::vector<float> storage;
    const ConstMatrix positions = layers_->positions(config_.grid, storage);
    const auto forward = [&](Workspace& ws) { encoder.forward({&input, 1}, positions, taps, ws); };
    Workspace workspace(measured_bytes(forward));
    forward(workspace);
    return tokens;
  }

  // Block `block` in double.
  std::vector<double> reference(Index block, std::span<const double> x,
                                std::span<const Index> rows) const {
    return config_.family == Family::Sapiens ? reference_block(sapiens_block(block), x, rows)
                                             : reference_block(sapiens2_block(block), x, rows);
  }

  ReferenceBlock sapiens_block(Index block) const {
    const auto of = [&](const std::string& name) {
      return values(fmt::format("backbone.layers.{}.{}", block, name));
    };
    return {.width = config_.width,
            .heads = config_.heads,
            .mlp_width = config_.mlp_width,
            .ln1_weight = of("ln1.weight"),
            .ln1_bias = of("ln1.bias"),
            .qkv_weight = of("attn.qkv.weight"),
            .qkv_bias = of("attn.qkv.bias"),
            .proj_weight = of("attn.proj.weight"),
            .proj_bias = of("attn.proj.bias"),
            .ln2_weight = of("ln2.weight"),
            .ln2_bias = of("ln2.bias"),
            .fc1_weight = of("ffn.layers.0.0.weight"),
            .fc1_bias = of("ffn.layers.0.0.bias"),
            .fc2_weight = of("ffn.layers.1.weight"),
            .fc2_bias = of("ffn.layers.1.bias")};
  }

  Sapiens2ReferenceBlock sapiens2_block(Index block) const {
    const auto of = [&](const std::string& name) {
      return values(fmt::format("backbone.blocks.{}.{}", block, name));
    };
    return {.width = config_.width,
            .heads = config_.heads,
            .kv_heads = config_.kv_heads[static_cast<std::size_t>(block)],
            .mlp_width = config_.mlp_width,
            .extra_tokens = config_.extra_tokens(),
            .grid_height = config_.grid.height,
            .grid_width = config_.grid.width,
            .ln1 = of("ln1.weight"),
            .wq = of("attn.wq.weight"),
            .wq_bias = of("attn.wq.bias"),
            .wk = of("attn.wk.weight"),
            .wk_bias = of("attn.wk.bias"),
            .wv = of("attn.wv.weight"),
            .wv_bias = of("attn.wv.bias"),
            .q_norm = of("attn.q_norm.weight"),
            .k_norm = of("attn.k_norm.weight"),
            .proj = of("attn.proj.weight"),
            .proj_bias = of("attn.proj.bias"),
            .gamma = of("attn.gamma.weight"),
            .ln2 = of("ln2.weight"),
            .w12 = of("ffn.w12.weight"),
            .w12_bias = of("ffn.w12.bias"),
            .w3 = of("ffn.w3.weight"),
            .w3_bias = of("ffn.w3.bias")};
  }

  // The token of a patch before the first block, in double.
  std::vector<double> embedded(const std::vector<float>& image, Index token) const {
    const std::vector<float> weight = values("backbone.patch_embed.projection.weight");
    const std::vector<float> bias = values("backbone.patch_embed.projection.bias");
    const Index patch = token - config_.extra_tokens();
    const Index row = patch / config_.grid.width, column = patch % config_.grid.width;
    const bool has_table = config_.family == Family::Sapiens;
    const std::vector<float> table =
        has_table ? values("backbone.pos_embed") : std::vector<float>();
    std::vector<double> out(static_cast<std::size_t>(config_.width));
    for (Index d = 0; d < config_.width; ++d) {
      double sum = bias[static_cast<std::size_t>(d)];
      if (has_table) sum += table[static_cast<std::size_t>(token * config_.width + d)];
      for (Index i = 0; i < 3 * kPatch * kPatch; ++i) {
        const Index channel = i / (kPatch * kPatch), y = i / kPatch % kPatch, x = i % kPatch;
        const Index pixel = (channel * image_ + row * kPatch + y) * image_ + column * kPatch + x;
        sum += double{weight[static_cast<std::size_t>(d * 3 * kPatch * kPatch + i)]} *
               image[static_cast<std::size_t>(pixel)];
      }
      out[static_cast<std::size_t>(d)] = sum;
    }
    return out;
  }

  const EncoderConfig& config() const { return config_; }
  std::vector<float> random_image() const {
    return random_normal(3 * image_ * image_, {.seed = 5});
  }

 private:
  ParamSpec spec_of(const std::string& key) const {
    return *std::ranges::find(params_, key, &ParamSpec::key);
  }
  void read(const std::string& key, Index first, std::span<float> out) const {
    const bool ends_branch = key.find("attn.proj") != key.npos ||
                             key.find("ffn.layers.1.") != key.npos ||
                             key.find("ffn.w3.") != key.npos;
    if (blocks_ == Blocks::Idle && ends_branch) {
      std::ranges::fill(out, 0.0f);
    } else {
      RandomParam(spec_of(key), config_.grid, config_.extra_tokens(), 1).read(first, out);
    }
  }

  SynthModel synth_;
  Index image_;
  Blocks blocks_;
  EncoderConfig config_;
  std::vector<ParamSpec> params_;
  ThreadPool pool_;
  SelectedKernels kernels_ = select_kernels(CpuFeatures::detect());
  Ops ops_{kernels_.table, pool_};
  std::unique_ptr<EncoderLayers> layers_;
};

// The largest difference, and the largest value it stands beside.
struct Difference {
  double worst = 0;
  double largest = 0;

  void add(std::span<const double> expected, std::span<const float> actual) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::abs(expected[i] - actual[i]));
      largest = std::max(largest, std::abs(expected[i]));
    }
  }
};

std::span<const float> row_of(const std::vector<float>& tokens, Index row, Index width) {
  return std::span(tokens).subspan(static_cast<std::size_t>(row * width),
                                   static_cast<std::size_t>(width));
}

class FullSize : public testing::TestWithParam<Size> {};

TEST_P(FullSize, EveryBlockAgreesWithDoublePrecision) {
  FirstBlocks model(GetParam(), 2, Blocks::Working);
  const Index C = model.config().width;
  const Index last = model.config().tokens() - 1;
  const auto tokens = model.run(model.random_image());

  // From our own input to the block, so that the error is that of one block. The class token, a
  // register or the first patch, the middle, the end.
  const std::vector<Index> rows{0, 1, last / 2, last};
  const std::vector<double> input(tokens[0].begin(), tokens[0].end());
  const std::vector<double> expected = model.reference(1, input, rows);
  Difference difference;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    difference.add(
        std::span(expected).subspan(r * static_cast<std::size_t>(C), static_cast<std::size_t>(C)),
        row_of(tokens[1], rows[r], C));
  }
  // Sums of up to 7680 products in fp32 beside values of this size: a few units in the last place
  // of the largest.
  EXPECT_LT(difference.worst, 16 * 0x1p-24 * difference.largest);
  EXPECT_GT(difference.largest, 0.5);
}

TEST_P(FullSize, ThePatchEmbeddingAgreesWithDoublePrecision) {
  FirstBlocks model(GetParam(), 1, Blocks::Idle);
  const std::vector<float> image = model.random_image();
  const auto tokens = model.run(image);
  const Index C = model.config().width;
  const Index last = model.config().tokens() - 1;
  Difference difference;
  for (const Index row : {model.config().extra_tokens(), last / 2, last}) {
    difference.add(model.embedded(image, row), row_of(tokens[0], row, C));
  }
  // One chain of 768 products: their roundings, of partial sums up to the largest value, add up
  // like a random walk, to sqrt(768) = 28 units.
  EXPECT_LT(difference.worst, 28 * 0x1p-24 * difference.largest);
  EXPECT_GT(difference.largest, 0.5);
}

// 0.3B and 1B on whole images of 4097 tokens. 0.6B and 2B, whose head dims of 80 and 60 fill no
// vector, on small ones. Likewise 0.4B of Sapiens2 as against 0.8B and 5B, with head dims of 80 and
// 76; their second block shares keys and values.
INSTANTIATE_TEST_SUITE_P(Published, FullSize,
                         testing::Values(Size{"0.3b", 1024}, Size{"0.6b", 256}, Size{"1b", 1024},
                                         Size{"2b", 256}, Size{"sapiens2_0.4b", 1024, 8},
                                         Size{"sapiens2_0.8b", 256, 8},
                                         Size{"sapiens2_5b", 256, 16}),
                         [](const auto& size) {
                           std::string name = size.param.arch;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace sapiens
