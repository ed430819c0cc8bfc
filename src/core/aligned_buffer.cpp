#include "core/aligned_buffer.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kPage = std::size_t{64} << 10;  // the largest basic page of any Linux
constexpr std::size_t kHugePage = std::size_t{2} << 20;

[[noreturn]] void throw_out_of_memory(std::string wanted) {
  throw Error(ErrorCode::OutOfResources,
              {.summary = "not enough memory",
               .expected = std::move(wanted),
               .hint = "use a smaller model or input, or a machine with more memory"});
}

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Maps one huge page more than requested and unmaps what lies outside the aligned part. The end is
// not rounded up to a huge page: an 8-bit model of many 4.2 MB matrices would take half as much
// memory again.
void* map_huge(std::size_t bytes) noexcept {
  const std::size_t size = round_up(bytes, kPage);
  void* const mapped =
      mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  std::byte* const start = static_cast<std::byte*>(mapped);
  const std::size_t before = round_up(reinterpret_cast<std::uintptr_t>(start), kHugePage) -
                             reinterpret_cast<std::uintptr_t>(start);
  if (before > 0) munmap(start, before);
  if (before < kHugePage) munmap(start + before + size, kHugePage - before);
#ifdef MADV_HUGEPAGE
  madvise(start + before, size, MADV_HUGEPAGE);  // a request only: huge pages may be unavailable
#endif
  return start + before;
}

void* allocate_small(std::size_t bytes) noexcept {
  void* const data = std::aligned_alloc(kCacheLine, round_up(bytes, kCacheLine));
  return data == nullptr ? nullptr : std::memset(data, 0, bytes);
}

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  constexpr std::size_t kMax = std::size_t{1} << 62;
  void* data = nullptr;
  if (bytes < kMax) data = bytes >= kHugePage ? map_huge(bytes) : allocate_small(bytes);
  if (data == nullptr) throw_out_of_memory(fmt::format("{} bytes in one piece", bytes));
  return data;
}

void free_aligned(void* data, std::size_t bytes) noexcept {
  if (data == nullptr) return;
  if (bytes >= kHugePage) {
    munmap(data, round_up(bytes, kPage));
  } else {
    std::free(data);
  }
}

std::size_t checked_bytes(Index size, std::size_t element_size) {
  Index bytes = 0;
  if (size < 0 || __builtin_mul_overflow(size, static_cast<Index>(element_size), &bytes)) {
    throw_out_of_memory(fmt::format("{} elements of {} bytes", size, element_size));
  }
  return static_cast<std::size_t>(bytes);
}

}  // namespace sapiens
