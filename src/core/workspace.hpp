#pragma once

#include <cstddef>
#include <span>

#include "core/aligned_buffer.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Scratch memory of a forward pass: one arena, handed out front to back, given back by scopes.
/// It never grows: a request beyond `capacity()` throws `Error(OutOfResources)`. Contents are
/// whatever an earlier scope left there. One thread at a time may use it.
///
/// A measuring workspace owns no memory. What it hands out are addresses that can be neither read
/// nor written, and it counts them: operators check their shapes and take their scratch memory, but
/// compute nothing. The same pass, run in it first, tells how much memory it takes.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes);
  static Workspace measuring() noexcept { return {}; }

  /// Gives back, at its end, everything taken since it began.
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
  /// Starts on a 64-byte boundary, like all the others.
  std::span<std::byte> bytes(std::size_t count);

  /// What a request for `count` bytes really takes.
  static constexpr std::size_t rounded(std::size_t count) noexcept {
    return (count + kAlignment - 1) / kAlignment * kAlignment;
  }

  /// True where there is no memory behind what is handed out. Only operators ask.
  bool only_measures() const noexcept { return only_measures_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t used() const noexcept { return used_; }
  /// The most that was ever in use at once.
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
