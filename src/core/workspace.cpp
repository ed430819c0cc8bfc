#include "core/workspace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// Addresses that no program has on x86-64 or aarch64 (where bits 56 to 63 are ignored), with as
// much room above them: touching one ends the program at once.
constexpr std::uintptr_t kUnmapped = std::uintptr_t{1} << 55;
constexpr std::size_t kUnmappedBytes = std::size_t{1} << 54;

}  // namespace

Workspace::Workspace(std::size_t bytes)
    : arena_(static_cast<Index>(bytes)),
      start_(arena_.data()),
      capacity_(bytes),
      only_measures_(false) {}

Workspace::Workspace() noexcept
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address without memory comes from nowhere else
    : start_(reinterpret_cast<std::byte*>(kUnmapped)),
      capacity_(kUnmappedBytes),
      only_measures_(true) {}

std::span<std::byte> Workspace::bytes(std::size_t count) {
  const std::size_t left = capacity() - used_;
  if (count > left) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "the workspace is too small",
                 .expected = fmt::format("{} more bytes", count),
                 .actual = fmt::format("{} of {} bytes left", left, capacity())});
  }
  std::byte* const at = start_ + used_;
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
