#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

#include "core/split_mix.hpp"
#include "support/scratch.hpp"

namespace sapiens {

/// A file with the content of another one, which a thread damages and restores all the time: it
/// writes zeros or ones over random parts and cuts the file short.
class ChangingFile {
 public:
  ChangingFile(const std::filesystem::path& original, const std::filesystem::path& path)
      : whole_(read_bytes(original)) {
    write_bytes(path, whole_);
    file_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    writer_ = std::thread([this] { change(); });
  }
  ~ChangingFile() {
    stop_ = true;
    writer_.join();
    ::close(file_);
  }
  ChangingFile(const ChangingFile&) = delete;
  ChangingFile& operator=(const ChangingFile&) = delete;

 private:
  void change() {
    for (std::uint64_t n = 0; !stop_; n += 4) {
      std::this_thread::sleep_for(std::chrono::microseconds(split_mix_at(1, n) % 300));
      const std::size_t first = split_mix_at(1, n + 1) % whole_.size();
      if (split_mix_at(1, n + 2) % 3 == 0) {
        if (::ftruncate(file_, static_cast<off_t>(first)) != 0) return;
      } else {
        const std::size_t length =
            std::min<std::size_t>(whole_.size() - first, split_mix_at(1, n + 3) % 5000);
        write(first, std::string(length, n % 8 == 0 ? '\xff' : '\0'));
      }
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      write(0, whole_);
    }
  }

  void write(std::size_t first, const std::string& bytes) const {
    if (::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(first)) < 0) return;
  }

  std::string whole_;
  int file_ = -1;
  std::atomic<bool> stop_ = false;
  std::thread writer_;
};

}  // namespace sapiens
