#include "model/rtmdet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "nn/conv2d.hpp"
#include "nn/depthwise.hpp"
#include "nn/feature_maps.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

struct Map {
  Activations rows;  // [pixels of size, channels]
  Grid size;

  Map columns(Index first, Index count) const {
    // Where memory is only counted there is no place that another could lie behind.
    if (rows.data() == nullptr) {
      return {{nullptr, rows.type(), rows.rows(), count, rows.stride()}, size};
    }
    return {rows.columns_from(first, count), size};
  }
};

// A map that is only read.
struct ConstMap {
  // NOLINTNEXTLINE(google-explicit-constructor): it is one kind of map
  ConstMap(const Map& map) noexcept : rows(map.rows), size(map.size) {}
  ConstMap(ConstActivations r, Grid s) noexcept : rows(r), size(s) {}

  ConstActivations rows;
  Grid size;
};

constexpr Grid half(Grid size) noexcept { return conv2d_size(size, 2); }

// The operators on maps, and the memory these take. Without a workspace nothing is computed: what
// would be taken is counted, so that the network is written down once.
class Pass {
 public:
  Pass(const Ops& ops, Workspace* ws) noexcept : ops_(ops), ws_(ws) {}

  // Maps taken since it began are given back at its end.
  class Scope {
   public:
    explicit Scope(Pass& pass) : pass_(pass), taken_(pass.taken_) {
      if (pass.ws_ != nullptr) scope_.emplace(*pass.ws_);
    }
    ~Scope() { pass_.taken_ = taken_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Pass& pass_;
    std::size_t taken_;
    std::optional<Workspace::Scope> scope_;
  };

  Map map(Grid size, Index channels) {
    const std::size_t bytes = activation_bytes(ActivationType::F32, size.patches(), channels);
    taken_ += Workspace::rounded(bytes);
    most_ = std::max(most_, taken_);
    std::byte* const data = ws_ != nullptr ? ws_->bytes(bytes).data() : nullptr;
    return {{data, ActivationType::F32, size.patches(), channels, channels}, size};
  }

  void conv(const ConstMap& x, const Conv2dWeights& w, const Map& y, ConvEnd end = ConvEnd::Silu) {
    if (count(conv2d_workspace_bytes(ops_, w))) return;
    conv2d(ops_, x.rows, x.size, w, end, y.rows, *ws_);
  }
  void depthwise(const Map& x, const DepthwiseWeights& w, const Map& y) {
    if (count(0)) return;
    depthwise_silu(ops_, x.rows, x.size, w, y.rows);
  }
  void pool(const Map& x, const Map& y) {
    if (count(0)) return;
    max_pool(ops_, x.rows, x.size, 5, y.rows);
  }
  void upsample(const Map& x, const Map& y) {
    if (count(0)) return;
    upsample_nearest(ops_, x.rows, x.size, y.rows);
  }
  void attention(const Map& x, const LinearWeights& w) {
    if (count(channel_attention_workspace_bytes(ops_, x.size.patches(), w))) return;
    channel_attention(ops_, x.rows, w, *ws_);
  }

  bool counts_only() const noexcept { return ws_ == nullptr; }
  std::size_t most_bytes() const noexcept { return most_; }

 private:
  // Notes the scratch memory of an operator; true where that is all there is to do.
  bool count(std::size_t scratch) noexcept {
    most_ = std::max(most_, taken_ + Workspace::rounded(scratch));
    return counts_only();
  }

  const Ops& ops_;
  Workspace* ws_;
  std::size_t taken_ = 0, most_ = 0;
};

// One forward pass, step by step.
class Network {
 public:
  Network(const RtmDetWeights& w, Pass& pass, const std::function<void(double)>& progress)
      : w_(w), pass_(pass), progress_(progress) {}

  void run(const ConstMap& image, std::span<const DetectorLevel> levels) {
    const Pass::Scope scope(pass_);
    const Grid p3 = level_grid(image, 0), p4 = level_grid(image, 1), p5 = level_grid(image, 2);
    const Index c3 = width(1), c4 = width(2), c5 = width(3);
    // Pairs that the network concatenates are the two halves of one map from the beginning.
    const Map up4 = pass_.map(p4, 2 * c4);    // upsampled r0 | stage 3
    const Map up3 = pass_.map(p3, 2 * c3);    // upsampled r1 | stage 2
    const Map down4 = pass_.map(p4, 2 * c3);  // downsampled o3 | r1
    const Map down5 = pass_.map(p5, 2 * c4);  // downsampled o4 | r0
    const Map r0 = down5.columns(c4, c4), r1 = down4.columns(c3, c3);

    const Map stage4 = pass_.map(p5, c5);
    backbone(image, {up3.columns(c3, c3), up4.columns(c4, c4), stage4});

    const Map t4 = pass_.map(p4, c4), o3 = pass_.map(p3, c3);
    pass_.conv(stage4, w_.reduce_layers[0], r0);  // r0 = reduce(stage4)           [p5, c4]
    pass_.upsample(r0, up4.columns(0, c4));
    csp(up4, w_.top_down_blocks[0], t4);      // t4 = csp(up(r0) | stage3)     [p4, c4]
    pass_.conv(t4, w_.reduce_layers[1], r1);  // r1 = reduce(t4)               [p4, c3]
    pass_.upsample(r1, up3.columns(0, c3));
    csp(up3, w_.top_down_blocks[1], o3);  // o3 = csp(up(r1) | stage2)     [p3, c3]
    step();
    const Map o4 = pass_.map(p4, c4), o5 = pass_.map(p5, c5);
    pass_.conv(o3, w_.downsamples[0], down4.columns(0, c3));
    csp(down4, w_.bottom_up_blocks[0], o4);  // o4 = csp(down(o3) | r1)       [p4, c4]
    pass_.conv(o4, w_.downsamples[1], down5.columns(0, c4));
    csp(down5, w_.bottom_up_blocks[1], o5);  // o5 = csp(down(o4) | r0)       [p5, c5]
    step();

    const std::array<Map, 3> maps{o3, o4, o5};
    for (std::size_t i = 0; i < maps.size(); ++i) head(maps[i], i, levels[i]);
  }

 private:
  static Grid level_grid(const ConstMap& image, std::size_t level) noexcept {
    return RtmDet::level_size(image.size, kDetectorStrides[level]);
  }
  Index width(std::size_t stage) const noexcept { return w_.down[stage].linear.out; }

  // Stages 2, 3 and 4 into `out`.
  void backbone(const ConstMap& image, const std::array<Map, 3>& out) {
    const Grid size = half(image.size);
    const Map stage1 = pass_.map(half(size), width(0));
    {
      const Pass::Scope scope(pass_);
      std::array<Map, 3> stem{pass_.map(size, w_.stem[0].linear.out),
                              pass_.map(size, w_.stem[1].linear.out),
                              pass_.map(size, w_.stem[2].linear.out)};
      pass_.conv(image, w_.stem[0], stem[0]);
      pass_.conv(stem[0], w_.stem[1], stem[1]);
      pass_.conv(stem[1], w_.stem[2], stem[2]);
      step();
      stage(stem[2], 0, stage1);
    }
    stage(stage1, 1, out[0]);
    stage(out[0], 2, out[1]);
    stage(out[1], 3, out[2]);
  }

  void stage(const Map& x, std::size_t i, const Map& y) {
    const Pass::Scope scope(pass_);
    const Map down = pass_.map(y.size, width(i));
    pass_.conv(x, w_.down[i], down);
    if (i + 1 < w_.stages.size()) {
      csp(down, w_.stages[i], y);
    } else {
      const Map pooled = pass_.map(y.size, width(i));
      pyramid_pool(down, pooled);
      csp(pooled, w_.stages[i], y);
    }
    step();
  }

  // z = conv(x);  y = conv(z | max 5x5 of z | 9x9 | 13x13), where each is the 5x5 of the one
  // before.
  void pyramid_pool(const Map& x, const Map& y) {
    const Pass::Scope scope(pass_);
    const Index c = w_.pool_in.linear.out;
    const Map all = pass_.map(x.size, 4 * c);
    pass_.conv(x, w_.pool_in, all.columns(0, c));
    for (Index i = 0; i < 3; ++i) pass_.pool(all.columns(i * c, c), all.columns((i + 1) * c, c));
    pass_.conv(all, w_.pool_out, y);
  }

  // y = final(attention(blocks(main(x)) | short(x)))
  void csp(const Map& x, const CspWeights& w, const Map& y) {
    const Pass::Scope scope(pass_);
    const Index m = w.middle();
    const Map both = pass_.map(x.size, 2 * m), main = both.columns(0, m);
    const Map a = pass_.map(x.size, m), b = pass_.map(x.size, m);
    pass_.conv(x, w.main_and_short, both);
    for (const CspBlockWeights& block : w.blocks) {
      pass_.conv(main, block.conv1, a);
      pass_.depthwise(a, block.depthwise, b);
      pass_.conv(b, block.pointwise, main, w.add ? ConvEnd::AddSilu : ConvEnd::Silu);
    }
    if (w.attention.out > 0) pass_.attention(both, w.attention);
    pass_.conv(both, w.final, y);
  }

  void head(const Map& x, std::size_t i, const DetectorLevel& level) {
    const Pass::Scope scope(pass_);
    const Map shared = pass_.map(x.size, w_.out_convs[i].linear.out);
    pass_.conv(x, w_.out_convs[i], shared);
    branch(shared, w_.cls[i], level.logits);
    branch(shared, w_.reg[i], level.distances);
    step();
    if (pass_.counts_only()) return;
    for (float& d : level.distances.flat()) d = std::exp(d) * static_cast<float>(level.stride);
  }

  void branch(Map x, const DetectorBranchWeights& w, Matrix y) {
    const Pass::Scope scope(pass_);
    for (const Conv2dWeights& conv : w.convs) {
      const Map next = pass_.map(x.size, conv.linear.out);
      pass_.conv(x, conv, next);
      x = next;
    }
    pass_.conv(x, w.final, {y, x.size}, ConvEnd::Store);
  }

  void step() {
    constexpr double kSteps = 10;  // the stem, four stages, two ways of the neck, three levels
    if (progress_) progress_(++done_ / kSteps);
  }

  const RtmDetWeights& w_;
  Pass& pass_;
  const std::function<void(double)>& progress_;
  double done_ = 0;
};

void expect_whole_points(Grid size) {
  constexpr Index kCoarsest = kDetectorStrides.back();
  if (size.height > 0 && size.width > 0 && size.height % kCoarsest == 0 &&
      size.width % kCoarsest == 0) {
    return;
  }
  throw Error(ErrorCode::ShapeMismatch,
              {.summary = "the detector's input has a size that it cannot halve five times",
               .expected = fmt::format("height and width that are multiples of {}", kCoarsest),
               .actual = fmt::format("{} x {} (height x width)", size.height, size.width)});
}

}  // namespace

void RtmDet::forward(ConstMatrix image, Grid size, std::span<const DetectorLevel> levels,
                     Workspace& ws, const std::function<void(double)>& progress) const {
  expect_whole_points(size);
  expect_shape("detector: image", image, {size.patches(), 3});
  for (std::size_t i = 0; i < kDetectorStrides.size(); ++i) {
    const Index points = level_size(size, kDetectorStrides[i]).patches();
    expect_shape("detector: logits", levels[i].logits, {points, 1});
    expect_shape("detector: distances", levels[i].distances, {points, 4});
  }
  Pass pass(ops_, &ws);
  Network(weights_, pass, progress).run({image, size}, levels);
}

std::size_t RtmDet::workspace_bytes(Grid size) const {
  expect_whole_points(size);
  Pass pass(ops_, nullptr);
  const ConstMap image({nullptr, ActivationType::F32, size.patches(), 3, 3}, size);
  const std::array<DetectorLevel, 3> levels{};
  Network(weights_, pass, {}).run(image, levels);
  return pass.most_bytes();
}

}  // namespace sapiens
