#include <fmt/format.h>

#include "checkpoint/torch_tensors.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// No real tensor has more elements, including one expanded from a single value. The limit keeps
// sums over all tensors of a file far from overflow.
constexpr Index kMaxElements = Index{1} << 40;

// The index of the last element in its storage, or nothing on overflow or a negative number.
std::optional<Index> last_element(const TensorEntry& entry, Index offset) {
  Index last = offset;
  for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
    Index reach = 0;
    if (entry.strides[axis] < 0) return std::nullopt;
    if (__builtin_mul_overflow(entry.shape[axis] - 1, entry.strides[axis], &reach)) {
      return std::nullopt;
    }
    if (__builtin_add_overflow(last, reach, &last)) return std::nullopt;
  }
  return last;
}

}  // namespace

void place_tensor(TensorEntry& entry, std::span<const std::byte> storage, Index offset,
                  const std::string& source, const std::string& path) {
  const auto fail = [&](std::string summary, std::string actual) {
    throw Error(ErrorCode::CorruptFile, {.summary = std::move(summary),
                                         .file = source,
                                         .key = path,
                                         .actual = std::move(actual),
                                         .hint = "the file is damaged; download it again"});
  };
  const auto numel = checked_numel(entry.shape);
  if (!numel || *numel > kMaxElements) fail("impossible tensor shape", shape_text(entry.shape));
  if (entry.shape.size() != entry.strides.size()) {
    fail("the tensor has more axes than strides, or fewer",
         fmt::format("shape {}, strides {}", shape_text(entry.shape), shape_text(entry.strides)));
  }
  entry.data = storage.data();
  if (*numel == 0) return;

  const auto available = static_cast<Index>(storage.size() / dtype_size(entry.dtype));
  const auto last = last_element(entry, offset);
  if (offset < 0 || !last || *last >= available) {
    fail("the tensor reaches outside its stored data",
         fmt::format("shape {}, strides {}, offset {} in {} elements", shape_text(entry.shape),
                     shape_text(entry.strides), offset, available));
  }
  entry.data += static_cast<std::size_t>(offset) * dtype_size(entry.dtype);
}

}  // namespace sapiens
