#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Several processes, on one machine or many, share work through a folder. Nothing but creating a
// file that must not exist, renaming and reading is asked of the file system, so that NFS will do.
//
// Each piece of work has a folder, WORK/NAME, which holds claims called claim.1, claim.2 and so on:
// the one with the highest number counts. Whoever creates the next one owns the piece; only one
// process can. An owner shows that it lives by changing its claim every few seconds; one that did
// not for a while, as seen by the clock of whoever looks, is dead, and its work may be claimed. So
// is one whose process is known to be gone, on this machine. Clocks of two machines are never
// compared.
//
// A claim is no lock: an owner that was stopped for a while may go on beside the next one. Both
// then write equal files, each in its own folder, and rename them; `Claim::is_lost` tells the first
// one, mostly in time.
namespace sapiens::cli {

/// Who works on a piece.
struct ClaimOwner {
  std::string host = {};
  long pid = 0;
  std::string token = {};  ///< Different for each claim that was ever made; a name of a file.

  /// "process 4711 on node-3"
  std::string text() const;
};

struct ClaimTimes {
  std::chrono::milliseconds beat{5000};    ///< Between two signs of life.
  std::chrono::milliseconds dead{60'000};  ///< Without a sign, an owner is dead.
};

/// A piece of work that belongs to this process. Shows that it lives until it is released or
/// destroyed, also if `Claims` is destroyed before. One that is destroyed without `release`
/// leaves the folder of the piece, for the next owner; others, and this process, may claim the
/// piece at once.
class Claim {
 public:
  Claim(Claim&&) noexcept;
  Claim& operator=(Claim&&) noexcept;
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim();

  const std::string& token() const;
  /// WORK/NAME/TOKEN: exists, is empty at first, and is for files of this owner alone.
  const std::filesystem::path& folder() const;
  /// The folders of earlier owners of the piece that left one, the latest first.
  const std::vector<std::filesystem::path>& earlier_folders() const;
  /// True once another process took the piece over.
  bool is_lost() const;
  /// The same as of now. Also true where that cannot be found out.
  bool look_whether_lost();
  /// Removes WORK/NAME with all that is in it: the work is done, and recorded elsewhere. Does
  /// nothing if the claim is lost, or that cannot be found out, and leaves what cannot be removed.
  void release();

 private:
  friend class Claims;
  class State;
  explicit Claim(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The claims below one folder. Not for several threads.
class Claims {
 public:
  /// Creates `folder`, and removes what killed processes left of released pieces. Throws
  /// WriteFailed or OutOfResources.
  explicit Claims(std::filesystem::path folder, ClaimTimes times = {});
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims();

  /// Claims the piece `name` (any text; characters that a file name cannot have are replaced) if
  /// nobody works on it, or who did is dead. An owner on this machine whose process runs is alive,
  /// even if it is stopped. Whether an owner on another machine is dead shows only
  /// after this was called several times in the course of `ClaimTimes::dead`. Throws WriteFailed
  /// or OutOfResources.
  std::optional<Claim> try_claim(const std::string& name);

  /// Who works on `name`, as far as can be seen; nothing where nobody does.
  std::optional<ClaimOwner> owner(const std::string& name) const;

  /// True once the owner of `name` has given a sign of life since `try_claim` first met it, or
  /// `try_claim` saw its process run on this machine.
  bool has_shown_life(const std::string& name) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace sapiens::cli
