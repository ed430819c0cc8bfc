#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "checkpoint/write.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` for sources without a key, with a key that comes twice,
/// or with an impossible shape.
void check_sources(std::span<const TensorSource> tensors);

/// The number of elements of a tensor that `check_sources` let pass.
Index numel_of(const TensorSource& tensor);
std::uint64_t byte_size(const TensorSource& tensor);
std::uint64_t total_bytes(std::span<const TensorSource> tensors);

/// Passes the tensor's bytes to `sink` in pieces of a few MB, so that memory stays constant.
void stream_tensor(const TensorSource& tensor,
                   const std::function<void(std::span<const std::byte>)>& sink);

}  // namespace sapiens
