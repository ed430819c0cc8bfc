#pragma once

#include <cerrno>

namespace sapiens {

/// Returns the result of the system call `call`, repeated while a signal interrupts it; on network
/// and FUSE file systems that affects open() and fsync(), too. It must not be used for close(),
/// which closes the file even when interrupted.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace sapiens
