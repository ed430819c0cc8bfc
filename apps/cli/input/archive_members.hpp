#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

// Names of members of archives, which may be any bytes.
namespace sapiens::cli {

/// Results have names of at most 255 bytes, with endings behind those of members.
inline constexpr std::size_t kMaxMemberPart = 200;
inline constexpr std::size_t kMaxMemberName = 2000;

/// `name` below the folder that was packed: `tar -c .` puts "./" in front.
std::string_view below_folder(std::string_view name);

/// Hidden as files in folders are, or made by macOS, which puts more about each file into members
/// of its own.
bool is_hidden_member(std::string_view name);

/// Why results cannot be called so; empty if they can.
std::string problem_of_name(std::string_view name);

/// True for the fields json, txt and cls, and for those that end so.
bool is_sidecar(std::string_view field);

/// Which of any number of keys occurred, in 128 bits for each: that two of 10^9 keys are taken for
/// one has a probability of 10^-21.
class KeySet {
 public:
  /// False where it was there.
  bool insert(std::string_view key);

 private:
  using Digest = std::pair<std::uint64_t, std::uint64_t>;
  struct FirstHalf {
    std::size_t operator()(const Digest& digest) const noexcept { return digest.first; }
  };
  std::unordered_set<Digest, FirstHalf> keys_;
};

}  // namespace sapiens::cli
