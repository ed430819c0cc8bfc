#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/run/claim_record.hpp"
#include "core/atomic_file.hpp"

namespace sapiens::cli {

/// The file of a claim that this process made, and keeps open: so what it writes goes to this file,
/// whatever its path has become. The destructor tells others that the claim was left.
class ClaimFile {
 public:
  /// Creates claim `number` in `folder`; nothing if it exists, or the folder does not. Throws
  /// WriteFailed or OutOfResources.
  static std::unique_ptr<ClaimFile> create(const std::filesystem::path& folder, std::int64_t number,
                                           const ClaimRecord& record);
  ClaimFile(const ClaimFile&) = delete;
  ClaimFile& operator=(const ClaimFile&) = delete;
  ~ClaimFile();

  /// Shows that this process lives, and looks whether the claim is lost. Failures are left to the
  /// next beat: the disk may have room again, the server may be back.
  void beat() noexcept;
  /// Finds out whether the claim is lost. Throws WriteFailed where that cannot be found out.
  void look();
  bool is_lost() const noexcept { return lost_; }
  /// Without a word to others.
  void close() noexcept { file_.close(); }

 private:
  ClaimFile(Descriptor file, std::filesystem::path path, std::filesystem::path next,
            std::string text);
  int write_beats(std::int64_t beats) noexcept;

  Descriptor file_;
  std::filesystem::path path_;
  std::filesystem::path next_;  ///< The claim that would follow.
  std::string text_;            ///< What was written first.
  std::int64_t beats_ = 1;
  std::atomic<bool> lost_ = false;
};

/// Lets claims beat regularly, in a thread that starts with the first of them.
class ClaimBeats {
 public:
  explicit ClaimBeats(std::chrono::milliseconds beat) : beat_(beat) {}
  ClaimBeats(const ClaimBeats&) = delete;
  ClaimBeats& operator=(const ClaimBeats&) = delete;
  ~ClaimBeats();

  /// `claim` must live until it is removed. Throws OutOfResources if there can be no thread.
  void add(ClaimFile& claim);
  /// Waits for a beat that is under way.
  void remove(ClaimFile& claim) noexcept;

 private:
  void start();
  void run();

  const std::chrono::milliseconds beat_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<ClaimFile*> claims_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sapiens::cli
