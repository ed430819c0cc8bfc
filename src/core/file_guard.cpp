#include "sapiens/file_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>

#include "core/mapped_ranges.hpp"

namespace sapiens {
namespace {

constexpr std::size_t kMaxRanges = 1024;  // a process may usually have as many files open

// A handler of signals gets no argument from whoever installed it, and may take no lock. So this is
// the library's only variable that changes and that all threads share (tools/check_abi.py).
struct FileGuard {
  std::array<MappedRange, kMaxRanges> ranges;
  std::once_flag once;
  std::uintptr_t page_bytes = 0;
  struct sigaction previous = {};
};
constinit FileGuard file_guard;

// A place may go to another file while it is read here, but the file of `address` stays mapped, as
// the thread that reads it is in this handler. So a start that is the same before and after belongs
// to the end between.
MappedRange* range_of(std::uintptr_t address) noexcept {
  for (MappedRange& range : file_guard.ranges) {
    const std::uintptr_t start = range.start.load();
    const std::uintptr_t end = range.end.load();
    if (start != 0 && start <= address && address < end && range.start.load() == start) {
      return &range;
    }
  }
  return nullptr;
}

// Zeros take the place of the rest of the file. They are not taken for content, because
// `FileMap::require_unchanged` is called after every read.
bool replace_with_zeros(MappedRange& range, std::uintptr_t address) noexcept {
  range.unreadable.store(true);
  const std::uintptr_t page = address - address % file_guard.page_bytes;
  return ::mmap(reinterpret_cast<void*>(page), range.end.load() - page, PROT_READ,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

void pass_on(int signal, siginfo_t* info, void* context) noexcept {
  const struct sigaction& previous = file_guard.previous;
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_IGN && info->si_code <= 0) {
    // Sent by another process, which the program ignores. A fault cannot be ignored.
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    ::signal(signal, SIG_DFL);
    if (info->si_code <= 0) ::raise(signal);  // a faulty instruction is repeated without it
  }
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int error_number = errno;
  // A handler that was installed after this one, such as Python's faulthandler, passes a fault on
  // by raise(), without its address: the instruction is repeated, and brings the fault here.
  const bool raised = info->si_code == SI_TKILL && info->si_pid == ::getpid();
  if (!raised) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    MappedRange* const range = info->si_code > 0 ? range_of(address) : nullptr;
    if (range == nullptr || !replace_with_zeros(*range, address)) pass_on(signal, info, context);
  }
  errno = error_number;
}

}  // namespace

MappedRange* add_mapped_range(std::span<const std::byte> bytes) noexcept {
  for (MappedRange& range : file_guard.ranges) {
    if (range.taken.exchange(true)) continue;
    const auto start = reinterpret_cast<std::uintptr_t>(bytes.data());
    range.unreadable.store(false);
    range.end.store(start + bytes.size());
    range.start.store(start);
    return &range;
  }
  return nullptr;
}

void remove_mapped_range(MappedRange& range) noexcept {
  range.start.store(0);
  range.taken.store(false);
}

void guard_mapped_files() noexcept {
  std::call_once(file_guard.once, [] {
    file_guard.page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction own = {};
    own.sa_sigaction = on_bus_error;
    // SA_NODEFER, because the handler before this one may leave by a jump.
    own.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    ::sigemptyset(&own.sa_mask);
    ::sigaction(SIGBUS, nullptr, &file_guard.previous);
    ::sigaction(SIGBUS, &own, nullptr);
  });
}

}  // namespace sapiens
