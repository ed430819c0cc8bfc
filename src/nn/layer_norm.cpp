#include "nn/expect.hpp"
#include "nn/ops.hpp"

namespace sapiens {

void Ops::layer_norm(ConstMatrix x, const LayerNormWeights& w, Activations y, Workspace& ws) const {
  const Index rows = x.extent(0), width = x.extent(1);
  expect_vector("layer_norm: gamma", w.gamma.span(), width);
  expect_vector("layer_norm: beta", w.beta.span(), width);
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

void Ops::rms_norm(ConstMatrix x, std::span<const float> gamma, Activations y,
                   Workspace& ws) const {
  const Index rows = x.extent(0), width = x.extent(1);
  expect_vector("rms_norm: gamma", gamma, width);
  expect_shape("rms_norm: output", y, {rows, width});
  if (ws.only_measures()) return;

  const std::size_t bytes =
      activation_bytes(ActivationType::F32, rows, width) + activation_bytes(y.type(), rows, width);
  const Profile::Timer timer(profile_, "rms_norm", {.bytes = static_cast<double>(bytes)});
  pool_->parallel_for(rows, [&](Index begin, Index end) {
    kernels_->rms_norm({.x = x.data() + begin * x.strides()[0],
                        .gamma = gamma.data(),
                        .y = y.at(begin, 0),
                        .y_type = y.type(),
                        .rows = end - begin,
                        .width = width,
                        .x_stride = x.strides()[0],
                        .y_stride = y.stride(),
                        .epsilon = 1e-6f});  // of every norm of Sapiens2
  });
}

}  // namespace sapiens
