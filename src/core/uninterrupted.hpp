#pragma once

#include <cerrno>

namespace sapiens {

/// What the system call `call` returns, made again while a signal interrupts it: on network and
/// FUSE file systems that happens to open() and fsync() too. Not for close(), which has closed the
/// file all the same.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace sapiens
