#pragma once

#include <filesystem>
#include <utility>

namespace sapiens {

/// An open file, closed by the destructor.
class Descriptor {
 public:
  explicit Descriptor(int opened) noexcept : number_(opened) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  /// Negative when closed.
  int number() const noexcept { return number_; }
  void close() noexcept;

 private:
  int number_;
};

/// Opens a file for reading. Throws `Error`: NotFound, OutOfResources (too many open files), or
/// UnsupportedFormat for a folder, a device or a pipe.
Descriptor open_regular_file(const std::filesystem::path& path);

/// Throws the `Error` that the functions of this file throw for `error_number`.
[[noreturn]] void fail_to_read(const std::filesystem::path& path, const char* summary,
                               int error_number);

}  // namespace sapiens
