#include "nn/ops.hpp"

namespace sapiens {

void Ops::layer_norm(ConstMatrix x, const LayerNormWeights& w, Activations y, Workspace& ws) const {
  const Index rows = x.extent(0), width = x.extent(1);
  const auto vector = [](const AlignedBuffer<float>& buffer) {
    return TensorView<const float, 1>(buffer.data(), {buffer.size()});
  };
  expect_shape("layer_norm: gamma", vector(w.gamma), {width});
  expect_shape("layer_norm: beta", vector(w.beta), {width});
  expect_shape("layer_norm: output", y, {rows, width});
  if (ws.only_measures()) return;

  const std::size_t bytes =
      activation_bytes(ActivationType::F32, rows, width) + activation_bytes(y.type(), rows, width);
  const Profile::Timer timer(profile_, "layer_norm", {.bytes = static_cast<double>(bytes)});
  pool_->parallel_for(rows, [&](Index begin, Index end) {
    kernels_->layer_norm({.x = x.data() + begin * x.strides()[0],
                          .gamma = w.gamma.data(),
                          .beta = w.beta.data(),
                          .y = y.at(begin, 0),
                          .y_type = y.type(),
                          .rows = end - begin,
                          .width = width,
                          .x_stride = x.strides()[0],
                          .y_stride = y.stride(),
                          .epsilon = 1e-6f});  // nn.LayerNorm(eps=1e-6) in the original
  });
}

}  // namespace sapiens
