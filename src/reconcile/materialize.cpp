#include "reconcile/materialize.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include "reconcile/positions.hpp"

namespace sapiens {
namespace {

std::size_t size_of(Index n) { return static_cast<std::size_t>(n); }

// Rows of `pos_embed` that the model wants: its extra tokens as they are, the patches resized.
void materialize_positions(const TensorEntry& tensor, const PositionPlan& plan,
                           std::span<float> out) {
  const Index C = tensor.shape[2];
  std::vector<float> table(size_of(tensor.numel()));
  read_f32(tensor, 0, table);

  const Index extra = std::min(plan.file_extra, plan.model_extra);
  std::copy_n(table.begin(), extra * C, out.begin());
  const ConstMatrix from(table.data() + plan.file_extra * C, {plan.source->patches(), C});
  const Matrix to(out.data() + plan.model_extra * C, {plan.target.patches(), C});
  if (*plan.source == plan.target) {
    std::ranges::copy(from.flat(), to.data());
  } else {
    resize_positions(from, *plan.source, to, plan.target);
  }
}

}  // namespace

void materialize(const StateDict& dict, const Binding& binding, Index first, std::span<float> out) {
  if (binding.positions) {
    assert(first == 0);
    materialize_positions(dict.tensors[binding.tensors[0]], *binding.positions, out);
    return;
  }
  if (!binding.bound()) std::ranges::fill(out, 0.0f);
  // Joined tensors follow each other in row-major order, so a slice is a range of the
  // concatenation.
  for (const std::size_t index : binding.tensors) {
    const TensorEntry& tensor = dict.tensors[index];
    const Index numel = tensor.numel();
    if (first < numel && !out.empty()) {
      const Index n = std::min(numel - first, static_cast<Index>(out.size()));
      read_f32(tensor, first, out.first(size_of(n)));
      out = out.subspan(size_of(n));
      first = 0;
    } else {
      first -= numel;
    }
  }
  assert(!binding.bound() || out.empty());
}

DType stored_type(const StateDict& dict, const Binding& binding) noexcept {
  if (binding.positions || binding.tensors.size() != 1) return DType::F32;
  return dict.tensors[binding.tensors[0]].dtype;
}

void release(const StateDict& dict, const Binding& binding) noexcept {
  for (const std::size_t index : binding.tensors) release_pages(dict.tensors[index]);
}

}  // namespace sapiens
