#include "checkpoint/write_sources.hpp"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "core/shape.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 22;

}  // namespace

Index numel_of(const TensorSource& tensor) { return checked_numel(tensor.shape).value_or(0); }

void check_sources(std::span<const TensorSource> tensors) {
  std::unordered_set<std::string_view> keys;
  for (const TensorSource& tensor : tensors) {
    const auto fail = [&](const char* summary) {
      throw Error(ErrorCode::InvalidArgument, {.summary = summary, .key = tensor.key});
    };
    if (tensor.key.empty()) fail("a tensor without a name cannot be written");
    if (!keys.insert(tensor.key).second) fail("two tensors of the same name cannot be written");
    const auto numel = checked_numel(tensor.shape);
    Index bytes = 0;
    if (!numel ||
        __builtin_mul_overflow(*numel, static_cast<Index>(dtype_size(tensor.dtype)), &bytes)) {
      fail("a tensor of an impossible shape cannot be written");
    }
  }
}

std::uint64_t byte_size(const TensorSource& tensor) {
  return static_cast<std::uint64_t>(numel_of(tensor)) * dtype_size(tensor.dtype);
}

std::uint64_t total_bytes(std::span<const TensorSource> tensors) {
  std::uint64_t total = 0;
  for (const TensorSource& tensor : tensors) total += byte_size(tensor);
  return total;
}

void stream_tensor(const TensorSource& tensor,
                   const std::function<void(std::span<const std::byte>)>& sink) {
  const std::size_t element = dtype_size(tensor.dtype);
  const Index numel = numel_of(tensor);
  const auto max_count = static_cast<Index>(kPieceBytes / element);
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(numel, max_count)) * element);
  for (Index first = 0; first < numel; first += max_count) {
    const auto count = static_cast<std::size_t>(std::min(numel - first, max_count));
    const std::span<std::byte> window(piece.data(), count * element);
    tensor.read(first, window);
    sink(window);
  }
}

}  // namespace sapiens
