#include "core/memory_in_use.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sapiens {
namespace {

constexpr unsigned long long kMega = 1000000;

/// Appends to a text of fixed size; what has no room is left out.
class FixedText {
 public:
  explicit FixedText(char* text) noexcept : text_(text) { *text = '\0'; }

  template <typename... Values>
  void add(const char* format, Values... values) noexcept {
    const int count = std::snprintf(text_ + size_, kMemoryTextSize - size_, format, values...);
    if (count > 0) {
      size_ = std::min(size_ + static_cast<std::size_t>(count), kMemoryTextSize - 1);
    }
  }

  std::string_view view() const noexcept { return {text_, size_}; }

 private:
  char* const text_;
  std::size_t size_ = 0;
};

/// The number of bytes behind `name` in /proc/self/status; 0 where there is none.
unsigned long long bytes_of(const char* status, const char* name) noexcept {
  const char* const at = std::strstr(status, name);
  return at ? std::strtoull(at + std::strlen(name), nullptr, 10) * 1024 : 0;
}

/// The peaks, because much has been freed again where an error is written.
void add_peaks(FixedText& text) noexcept {
  const int file = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char status[4096];
  const ssize_t count = ::read(file, status, sizeof status - 1);
  ::close(file);
  if (count <= 0) return;
  status[count] = '\0';
  text.add("at most %llu MB of address space and %llu MB of memory in use",
           bytes_of(status, "VmPeak:") / kMega, bytes_of(status, "VmHWM:") / kMega);
}

template <typename Resource>
void add_limit(FixedText& text, Resource resource, const char* name) noexcept {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  text.add("%s%s limited to %llu MB", text.view().empty() ? "" : "; ", name,
           static_cast<unsigned long long>(limit.rlim_cur) / kMega);
}

}  // namespace

std::string_view write_memory_in_use(char* text) noexcept {
  FixedText fixed(text);
  add_peaks(fixed);
  add_limit(fixed, RLIMIT_AS, "address space (ulimit -v)");
  add_limit(fixed, RLIMIT_DATA, "data (ulimit -d)");
  return fixed.view();
}

std::string memory_in_use() {
  char text[kMemoryTextSize];
  return std::string(write_memory_in_use(text));
}

}  // namespace sapiens
