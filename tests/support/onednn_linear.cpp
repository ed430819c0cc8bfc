#include "support/onednn_linear.hpp"

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace sapiens {
namespace {

using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

constexpr float kS8Scale = 127.0f / 4;  // four standard deviations

Type type_of(OneDnnOperand operand) {
  switch (operand) {
    case OneDnnOperand::F32:
      return Type::f32;
    case OneDnnOperand::Bf16:
      return Type::bf16;
    case OneDnnOperand::S8:
      return Type::s8;
  }
  return Type::undef;
}

dnnl::primitive_attr attributes(const OneDnnShape& shape) {
  dnnl::post_ops after;
  if (shape.epilogue == Epilogue::Gelu) {
    after.append_eltwise(1, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
  }
  if (shape.epilogue == Epilogue::Add) after.append_sum(1);
  dnnl::primitive_attr attr;
  attr.set_post_ops(after);
  if (shape.operand == OneDnnOperand::S8) {
    attr.set_output_scales(0, {1 / (kS8Scale * kS8Scale)});
  }
  return attr;
}

}  // namespace

struct OneDnnLinear::Impl {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  OneDnnShape shape;
  dnnl::matmul matmul;
  dnnl::memory x, weight, bias, y;
  std::unordered_map<int, dnnl::memory> arguments;

  void copy(dnnl::memory from, dnnl::memory to, float scale = 1) {
    dnnl::primitive_attr attr;
    if (scale != 1) attr.set_output_scales(0, {scale});
    dnnl::reorder(from, to, attr).execute(stream, from, to);
    stream.wait();
  }

  /// fp32 numbers of a caller, row by row.
  dnnl::memory plain(const float* numbers, Index rows, Index columns, Tag tag = Tag::ab) const {
    // oneDNN has no memory of const numbers; these are only read.
    return {{{rows, columns}, Type::f32, tag}, engine, const_cast<float*>(numbers)};
  }
};

OneDnnLinear::OneDnnLinear(const OneDnnShape& shape, std::span<const float> weight,
                           std::span<const float> bias)
    : impl_(std::make_unique<Impl>()) {
  Impl& dnn = *impl_;
  dnn.shape = shape;
  const Type type = type_of(shape.operand);
  const Type y_type = shape.y_type == ActivationType::F32 ? Type::f32 : Type::bf16;
  const dnnl::memory::desc x_desc({shape.rows, shape.in}, type, Tag::ab);
  const dnnl::memory::desc bias_desc({1, shape.out}, Type::f32, Tag::ab);
  const dnnl::memory::desc y_desc({shape.rows, shape.out}, y_type, Tag::ab);
  const dnnl::matmul::primitive_desc chosen(
      {x_desc, {{shape.in, shape.out}, type, Tag::any}, bias_desc, y_desc}, attributes(shape),
      dnn.engine);
  dnn.matmul = dnnl::matmul(chosen);
  dnn.x = dnnl::memory(x_desc, dnn.engine);
  dnn.weight = dnnl::memory(chosen.weights_desc(), dnn.engine);
  dnn.bias = dnnl::memory(bias_desc, dnn.engine);
  dnn.y = dnnl::memory(y_desc, dnn.engine);

  // W [out, in] row by row is W^T [in, out] column by column. A bias joins sums of integers.
  const bool s8 = shape.operand == OneDnnOperand::S8;
  dnn.copy(dnn.plain(weight.data(), shape.in, shape.out, Tag::ba), dnn.weight, s8 ? kS8Scale : 1);
  dnn.copy(dnn.plain(bias.data(), 1, shape.out), dnn.bias, s8 ? kS8Scale * kS8Scale : 1);
  dnn.arguments = {{DNNL_ARG_SRC, dnn.x},
                   {DNNL_ARG_WEIGHTS, dnn.weight},
                   {DNNL_ARG_BIAS, dnn.bias},
                   {DNNL_ARG_DST, dnn.y}};
}

OneDnnLinear::~OneDnnLinear() = default;

void OneDnnLinear::set_x(std::span<const float> x) {
  const bool s8 = impl_->shape.operand == OneDnnOperand::S8;
  impl_->copy(impl_->plain(x.data(), impl_->shape.rows, impl_->shape.in), impl_->x,
              s8 ? kS8Scale : 1);
}

void OneDnnLinear::set_y(std::span<const float> y) {
  impl_->copy(impl_->plain(y.data(), impl_->shape.rows, impl_->shape.out), impl_->y);
}

void OneDnnLinear::run() {
  impl_->matmul.execute(impl_->stream, impl_->arguments);
  impl_->stream.wait();
}

void OneDnnLinear::get_y(std::span<float> y) const {
  impl_->copy(impl_->y, impl_->plain(y.data(), impl_->shape.rows, impl_->shape.out));
}

}  // namespace sapiens
