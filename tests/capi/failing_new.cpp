#include "capi/failing_new.hpp"

#include <cstdlib>
#include <limits>
#include <new>

namespace {
constexpr long kNever = std::numeric_limits<long>::max();
thread_local long left = kNever;
}  // namespace

// The program's replaces that of every library, libsapiens_c included.
void* operator new(std::size_t bytes) {
  if (left != kNever && left-- <= 0) {
    left = 0;
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
// Uses its own allocation instead of the standard library's, which a sanitizer replaces by one
// whose memory free() must not get.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return ::operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

// cv::warpAffine of OpenCV 4.6 loses a matrix of its own (16200 bytes, in the cv::remap that it
// runs under cv::parallel_for_) when an exception passes through, here that of an allocation.
// Stacks end at cv::parallel_for_, as Debian's OpenCV has no frame pointers. LeakSanitizer asks
// every program for this list.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:cv::parallel_for_\n"; }

namespace sapiens {
void fail_after_allocations(long count) noexcept { left = count; }
void allocate_again() noexcept { left = kNever; }
}  // namespace sapiens
