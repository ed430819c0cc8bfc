#include "model/rtmdet.hpp"

#include <fmt/format.h>

#include <array>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

struct Map {
  Activations rows;  // [pixels of size, channels]
  Grid size;

  Map columns(Index first, Index count) const { return {rows.columns_from(first, count), size}; }
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

// One forward pass, step by step.
class Network {
 public:
  Network(const RtmDetWeights& w, const Ops& ops, Workspace& ws,
          const std::function<void(double)>& progress)
      : w_(w), ops_(ops), ws_(ws), progress_(progress) {}

  void run(const ConstMap& image, std::span<const DetectorLevel> levels) {
    const Workspace::Scope scope(ws_);
    const Grid p3 = level_grid(image, 0), p4 = level_grid(image, 1), p5 = level_grid(image, 2);
    const Index c3 = width(1), c4 = width(2), c5 = width(3);
    // Pairs that the network concatenates are the two halves of one map from the beginning.
    const Map up4 = map(p4, 2 * c4);    // upsampled r0 | stage 3
    const Map up3 = map(p3, 2 * c3);    // upsampled r1 | stage 2
    const Map down4 = map(p4, 2 * c3);  // downsampled o3 | r1
    const Map down5 = map(p5, 2 * c4);  // downsampled o4 | r0
    const Map r0 = down5.columns(c4, c4), r1 = down4.columns(c3, c3);

    const Map stage4 = map(p5, c5);
    backbone(image, {up3.columns(c3, c3), up4.columns(c4, c4), stage4});

    const Map t4 = map(p4, c4), o3 = map(p3, c3);
    conv(stage4, w_.reduce_layers[0], r0);  // r0 = reduce(stage4)           [p5, c4]
    upsample(r0, up4.columns(0, c4));
    csp(up4, w_.top_down_blocks[0], t4);  // t4 = csp(up(r0) | stage3)     [p4, c4]
    conv(t4, w_.reduce_layers[1], r1);    // r1 = reduce(t4)               [p4, c3]
    upsample(r1, up3.columns(0, c3));
    csp(up3, w_.top_down_blocks[1], o3);  // o3 = csp(up(r1) | stage2)     [p3, c3]
    step();
    const Map o4 = map(p4, c4), o5 = map(p5, c5);
    conv(o3, w_.downsamples[0], down4.columns(0, c3));
    csp(down4, w_.bottom_up_blocks[0], o4);  // o4 = csp(down(o3) | r1)       [p4, c4]
    conv(o4, w_.downsamples[1], down5.columns(0, c4));
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

  Map map(Grid size, Index channels) {
    return {take_activations(ws_, ActivationType::F32, size.patches(), channels), size};
  }
  void conv(const ConstMap& x, const Conv2dWeights& w, const Map& y, ConvEnd end = ConvEnd::Silu) {
    ops_.conv2d(x.rows, x.size, w, end, y.rows, ws_);
  }
  void pool(const Map& x, const Map& y) { ops_.max_pool(x.rows, x.size, 5, y.rows, ws_); }
  void upsample(const Map& x, const Map& y) { ops_.upsample_nearest(x.rows, x.size, y.rows, ws_); }

  // Stages 2, 3 and 4 into `out`.
  void backbone(const ConstMap& image, const std::array<Map, 3>& out) {
    const Grid size = half(image.size);
    const Map stage1 = map(half(size), width(0));
    {
      const Workspace::Scope scope(ws_);
      std::array<Map, 3> stem{map(size, w_.stem[0].linear.out), map(size, w_.stem[1].linear.out),
                              map(size, w_.stem[2].linear.out)};
      conv(image, w_.stem[0], stem[0]);
      conv(stem[0], w_.stem[1], stem[1]);
      conv(stem[1], w_.stem[2], stem[2]);
      step();
      stage(stem[2], 0, stage1);
    }
    stage(stage1, 1, out[0]);
    stage(out[0], 2, out[1]);
    stage(out[1], 3, out[2]);
  }

  void stage(const Map& x, std::size_t i, const Map& y) {
    const Workspace::Scope scope(ws_);
    const Map down = map(y.size, width(i));
    conv(x, w_.down[i], down);
    if (i + 1 < w_.stages.size()) {
      csp(down, w_.stages[i], y);
    } else {
      const Map pooled = map(y.size, width(i));
      pyramid_pool(down, pooled);
      csp(pooled, w_.stages[i], y);
    }
    step();
  }

  // z = conv(x);  y = conv(z | max 5x5 of z | 9x9 | 13x13), where each is the 5x5 of the one
  // before.
  void pyramid_pool(const Map& x, const Map& y) {
    const Workspace::Scope scope(ws_);
    const Index c = w_.pool_in.linear.out;
    const Map all = map(x.size, 4 * c);
    conv(x, w_.pool_in, all.columns(0, c));
    for (Index i = 0; i < 3; ++i) pool(all.columns(i * c, c), all.columns((i + 1) * c, c));
    conv(all, w_.pool_out, y);
  }

  // y = final(attention(blocks(main(x)) | short(x)))
  void csp(const Map& x, const CspWeights& w, const Map& y) {
    const Workspace::Scope scope(ws_);
    const Index m = w.middle();
    const Map both = map(x.size, 2 * m), main = both.columns(0, m);
    const Map a = map(x.size, m), b = map(x.size, m);
    conv(x, w.main_and_short, both);
    for (const CspBlockWeights& block : w.blocks) {
      conv(main, block.conv1, a);
      ops_.depthwise_silu(a.rows, a.size, block.depthwise, b.rows, ws_);
      conv(b, block.pointwise, main, w.add ? ConvEnd::AddSilu : ConvEnd::Silu);
    }
    if (w.attention.out > 0) ops_.channel_attention(both.rows, w.attention, ws_);
    conv(both, w.final, y);
  }

  void head(const Map& x, std::size_t i, const DetectorLevel& level) {
    const Workspace::Scope scope(ws_);
    const Map shared = map(x.size, w_.out_convs[i].linear.out);
    conv(x, w_.out_convs[i], shared);
    branch(shared, w_.cls[i], level.logits);
    branch(shared, w_.reg[i], level.distances);
    step();
    ops_.exp_scale(level.distances, static_cast<float>(level.stride), ws_);
  }

  void branch(Map x, const DetectorBranchWeights& w, Matrix y) {
    const Workspace::Scope scope(ws_);
    for (const Conv2dWeights& layer : w.convs) {
      const Map next = map(x.size, layer.linear.out);
      conv(x, layer, next);
      x = next;
    }
    conv(x, w.final, {y, x.size}, ConvEnd::Store);
  }

  void step() {
    constexpr double kSteps = 10;  // the stem, four stages, two ways of the neck, three levels
    if (progress_) progress_(++done_ / kSteps);
  }

  const RtmDetWeights& w_;
  const Ops& ops_;
  Workspace& ws_;
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
  Network(weights_, ops_, ws, progress).run({image, size}, levels);
}

}  // namespace sapiens
