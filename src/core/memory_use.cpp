#include "sapiens/memory_use.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/open_file.hpp"

namespace sapiens {
namespace {

std::uint64_t limit_of(decltype(RLIMIT_AS) resource) noexcept {
  rlimit limit{};
  const bool limited = ::getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return limited ? limit.rlim_cur : 0;
}

}  // namespace

MemoryUse memory_use() noexcept {
  MemoryUse use{.address_space_limit = limit_of(RLIMIT_AS), .data_limit = limit_of(RLIMIT_DATA)};
  const Descriptor file(
      uninterrupted([] { return ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC); }));
  std::array<char, 100> text = {};  // "15690 4891 4021 ..." in pages; the rest stays 0
  const auto read = uninterrupted([&] { return ::read(file.number(), text.data(), 99); });
  if (read <= 0) return use;
  char* end = nullptr;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  use.address_space = std::strtoull(text.data(), &end, 10) * page;
  use.resident = std::strtoull(end, nullptr, 10) * page;
  return use;
}

MemoryUseText::MemoryUseText() noexcept {
  const MemoryUse use = memory_use();
  const auto add = [this](const char* format, std::uint64_t bytes, std::uint64_t more = 0) {
    const auto megabytes = [](std::uint64_t count) {
      return static_cast<unsigned long long>((count + 500'000) / 1'000'000);
    };
    const std::size_t room = text_.size() - size_;
    const int length =
        std::snprintf(text_.data() + size_, room, format, megabytes(bytes), megabytes(more));
    size_ += std::min(static_cast<std::size_t>(std::max(length, 0)), room - 1);
  };
  add("%llu MB of memory and %llu MB of address space in use", use.resident, use.address_space);
  if (use.address_space_limit != 0) add(", of %llu MB (ulimit -v)", use.address_space_limit);
  if (use.data_limit != 0) add(", data limited to %llu MB (ulimit -d)", use.data_limit);
}

}  // namespace sapiens
