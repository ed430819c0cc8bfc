#include "core/workspace.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sapiens/error.hpp"

namespace sapiens {

Workspace::Workspace(std::size_t bytes) : arena_(checked_bytes(static_cast<Index>(bytes), 1)) {}

std::span<std::byte> Workspace::bytes(std::size_t count) {
  const std::size_t left = capacity() - used_;
  if (count > left) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "the workspace is too small",
                 .expected = fmt::format("{} more bytes", count),
                 .actual = fmt::format("{} of {} bytes left", left, capacity())});
  }
  std::byte* const at = arena_.data() + used_;
  used_ += std::min(rounded(count), left);  // the arena's end need not be a multiple of 64
  high_water_ = std::max(high_water_, used_);
  return {at, count};
}

std::span<float> Workspace::floats(Index count) {
  const auto raw = bytes(checked_bytes(count, sizeof(float)));
  return {reinterpret_cast<float*>(raw.data()), static_cast<std::size_t>(count)};
}

Matrix Workspace::matrix(Index rows, Index columns) {
  Index count = 0;
  if (__builtin_mul_overflow(rows, columns, &count)) count = -1;
  return Matrix(floats(count).data(), {rows, columns});
}

}  // namespace sapiens
