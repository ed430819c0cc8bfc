#pragma once

#include <cstddef>
#include <span>

#include "core/aligned_buffer.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Scratch memory of a forward pass: one arena, allocated front to back and released by scopes. It
/// never grows: a request beyond `capacity()` throws `Error(OutOfResources)`. Contents are whatever
/// an earlier scope left there. It is not thread-safe.
///
/// A measuring workspace owns no memory. It returns addresses that can be neither read nor
/// written, and counts them: operators check their shapes and take their scratch memory, but
/// compute nothing. Running a pass in it first determines how much memory the pass needs.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes);
  static Workspace measuring() noexcept { return {}; }

  /// Releases, at its end, everything allocated since it began.
  class Scope {
   public:
    explicit Scope(Workspace& workspace) noexcept : workspace_(workspace), mark_(workspace.used_) {}
    ~Scope() { workspace_.used_ = mark_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Workspace& workspace_;
    std::size_t mark_;
  };

  Matrix matrix(Index rows, Index columns);
  std::span<float> floats(Index count);
  /// Allocates `count` bytes on a 64-byte boundary, like the other functions.
  std::span<std::byte> bytes(std::size_t count);

  /// The bytes that a request for `count` bytes takes.
  static constexpr std::size_t rounded(std::size_t count) noexcept {
    return (count + kAlignment - 1) / kAlignment * kAlignment;
  }

  /// True if the returned addresses have no memory. Only operators need to know.
  bool only_measures() const noexcept { return only_measures_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t used() const noexcept { return used_; }
  /// The largest number of bytes in use at once so far.
  std::size_t high_water() const noexcept { return high_water_; }

 private:
  static constexpr std::size_t kAlignment = 64;

  Workspace() noexcept;

  AlignedBuffer<std::byte> arena_;
  std::byte* start_;
  std::size_t capacity_;
  bool only_measures_;
  std::size_t used_ = 0;
  std::size_t high_water_ = 0;
};

/// The bytes that `pass(workspace)` takes at once.
template <class Pass>
std::size_t measured_bytes(const Pass& pass) {
  Workspace workspace = Workspace::measuring();
  pass(workspace);
  return workspace.high_water();
}

}  // namespace sapiens
