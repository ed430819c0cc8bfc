#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/open_file.hpp"

namespace sapiens::fuzz {

/// A file in memory with a path, for readers that take no bytes.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : file_(::memfd_create("input", 0)) {
    complete_ = ::write(file_.number(), data, size) == static_cast<::ssize_t>(size);
    ::lseek(file_.number(), 0, SEEK_SET);
  }

  bool complete() const noexcept { return complete_; }
  int number() const noexcept { return file_.number(); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_.number()); }

 private:
  Descriptor file_;
  bool complete_ = false;
};

}  // namespace sapiens::fuzz
