#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Zeroed memory on a 64-byte boundary, or on a 2 MB boundary and in huge pages where it is large:
/// a page fault per 4 KB and the TLB misses that follow cost a forward pass several per cent.
/// Large memory is not touched before its owner does. Throws `Error(OutOfResources)` with the size.
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* data, std::size_t bytes) noexcept;

/// Owning, aligned, move-only storage for `size` numbers, all zero at first.
template <class T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  AlignedBuffer() noexcept = default;
  explicit AlignedBuffer(Index size);
  ~AlignedBuffer() { free_aligned(data_, static_cast<std::size_t>(size_) * sizeof(T)); }

  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  Index size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::span<T> span() noexcept { return {data_, static_cast<std::size_t>(size_)}; }
  std::span<const T> span() const noexcept { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  T* data_ = nullptr;
  Index size_ = 0;
};

/// The byte count of `size` elements; throws `Error(OutOfResources)` where it leaves 63 bits.
std::size_t checked_bytes(Index size, std::size_t element_size);

template <class T>
AlignedBuffer<T>::AlignedBuffer(Index size)
    : data_(static_cast<T*>(allocate_aligned(checked_bytes(size, sizeof(T))))), size_(size) {}

/// Makes `buffer` at least `size` long; its content may be lost.
template <class T>
void reserve(AlignedBuffer<T>& buffer, Index size) {
  if (buffer.size() >= size) return;
  buffer = {};  // freed first, so that two never exist at once
  buffer = AlignedBuffer<T>(size);
}

}  // namespace sapiens
