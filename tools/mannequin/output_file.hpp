#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mannequin {

/// A file that is written in pieces under a temporary name and renamed at the end. Throws
/// `sapiens::Error`.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  [[noreturn]] void fail(int error_number) const;

  std::filesystem::path path_, temporary_;
  int descriptor_;
};

/// A `.npy` file that is written in pieces.
class ArrayFile {
 public:
  /// `type` is NumPy's name of the type: "<f4", "|u1".
  ArrayFile(std::filesystem::path path, std::string_view type,
            const std::vector<std::int64_t>& shape);

  template <typename Number>
  void write(const std::vector<Number>& numbers) {
    file_.write(std::as_bytes(std::span(numbers)));
  }
  void commit() { file_.commit(); }

 private:
  OutputFile file_;
};

}  // namespace mannequin
