#include "cli/run/claim_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <system_error>
#include <utility>

#include "cli/run/claim_record.hpp"
#include "core/atomic_file.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kClaimPrefix = "claim.";
constexpr std::string_view kRemainsPrefix = ".released.";
constexpr std::size_t kMaxFolderName = 200;  // file systems allow 255 bytes, encrypting ones fewer
constexpr std::size_t kMaxClaim = 4096;
constexpr std::int64_t kMaxNumber = std::int64_t{1} << 60;

__extension__ using Digest = unsigned __int128;

/// FNV-1a of 128 bits, in which no two names are equal unless somebody takes great pains.
std::string digest_of(std::string_view text) {
  constexpr Digest kPrime = (Digest{1} << 88) + 0x13b;
  Digest digest = (Digest{0x6c62272e07bb0142} << 64) + 0x62b821756295c58d;
  for (const char c : text) digest = (digest ^ static_cast<unsigned char>(c)) * kPrime;
  return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(digest >> 64),
                     static_cast<std::uint64_t>(digest));
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool means_absent(int error_number) {
  // ESTALE: another machine removed the folder.
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ESTALE;
}

/// Links, and files of others.
bool means_unreadable(int error_number) {
  return error_number == ELOOP || error_number == EACCES || error_number == EPERM ||
         error_number == ENXIO;
}

std::optional<std::int64_t> claim_number(const std::string& file_name) {
  if (!file_name.starts_with(kClaimPrefix)) return std::nullopt;
  const auto digits = std::string_view(file_name).substr(kClaimPrefix.size());
  const auto number = parse_number<std::int64_t>(digits);
  // Not "claim.01", and no number that leaves no room for the next ones.
  const bool valid =
      number && *number > 0 && *number < kMaxNumber && std::to_string(*number) == digits;
  return valid ? number : std::nullopt;
}

/// Nothing if the file is gone by now.
std::optional<std::string> read_some(const Descriptor& file, const fs::path& path) {
  std::string text(kMaxClaim, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ::ssize_t read = uninterrupted(
        [&] { return ::read(file.number(), text.data() + size, text.size() - size); });
    if (read < 0 && means_absent(errno)) return std::nullopt;
    if (read < 0) fail_to_write(path, "a claim cannot be read", errno);
    if (read == 0) break;
    size += static_cast<std::size_t>(read);
  }
  text.resize(size);
  return text;
}

}  // namespace

std::string claim_folder_name(std::string_view name) {
  if (name.empty()) return "%";
  std::string encoded;
  for (const char c : name) {
    const bool leading_dot = c == '.' && encoded.empty();
    if (is_plain(c) && !leading_dot) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  if (encoded.size() <= kMaxFolderName) return encoded;
  // No shorter name has a plus.
  const std::string digest = digest_of(name);
  return encoded.substr(0, kMaxFolderName - digest.size() - 1) + '+' + digest;
}

fs::path claim_path(const fs::path& folder, std::int64_t number) {
  return folder / fmt::format("{}{}", kClaimPrefix, number);
}

std::optional<std::string> read_claim(const fs::path& path) {
  // NFS asks the server when a file is opened, not when it is looked at. O_NONBLOCK is for pipes.
  const Descriptor file(uninterrupted(
      [&] { return ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); }));
  if (file.number() < 0) {
    if (means_absent(errno)) return std::nullopt;
    if (means_unreadable(errno)) return "";
    fail_to_write(path, "a claim cannot be read", errno);
  }
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) {
    if (means_absent(errno)) return std::nullopt;
    fail_to_write(path, "a claim cannot be read", errno);
  }
  if (!S_ISREG(status.st_mode)) return "";
  return read_some(file, path);
}

std::vector<std::int64_t> claim_numbers(const fs::path& folder) {
  std::vector<std::int64_t> numbers;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (const auto number = claim_number(entry->path().filename().string())) {
      numbers.push_back(*number);
    }
  }
  if (error && !means_absent(error.value())) {
    fail_to_write(folder, "claims cannot be listed", error.value());
  }
  std::ranges::sort(numbers, std::greater());
  return numbers;
}

NewestClaim newest_claim(const fs::path& folder) {
  NewestClaim newest;
  const std::vector<std::int64_t> numbers = claim_numbers(folder);
  std::int64_t number = numbers.empty() ? 1 : numbers.front();
  // The list may be old on NFS; a file that is opened is not.
  while (auto text = read_claim(claim_path(folder, number))) {
    newest = {number, std::move(*text)};
    ++number;
  }
  return newest;
}

std::vector<fs::path> folders_before(const fs::path& folder, std::int64_t number) {
  std::vector<fs::path> folders;
  for (const std::int64_t earlier : claim_numbers(folder)) {
    if (earlier >= number) continue;
    const auto text = read_claim(claim_path(folder, earlier));
    const auto record = text ? parse_claim(*text) : std::nullopt;
    if (!record) continue;
    fs::path left = folder / record->owner.token;
    std::error_code error;
    const bool exists = fs::is_directory(fs::symlink_status(left, error));
    if (exists && std::ranges::find(folders, left) == folders.end()) {
      folders.push_back(std::move(left));
    }
  }
  return folders;
}

bool create_folder_in_existing(const fs::path& path) {
  if (uninterrupted([&] { return ::mkdir(path.c_str(), 0777); }) == 0 || errno == EEXIST) {
    return true;
  }
  if (means_absent(errno)) return false;
  fail_to_write(path, "a folder of claims cannot be created", errno);
}

fs::path removable_path(const fs::path& work, const std::string& name) {
  return work / fmt::format("{}{}", kRemainsPrefix, name);
}

std::optional<fs::path> set_aside(const fs::path& folder, const std::string& token) {
  fs::path remains = removable_path(folder.parent_path(), token);
  std::error_code error;
  fs::rename(folder, remains, error);
  if (error) return std::nullopt;
  return remains;
}

void remove_remains(const fs::path& work) {
  std::error_code error;
  for (fs::directory_iterator entry(work, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().filename().string().starts_with(kRemainsPrefix)) {
      fs::remove_all(entry->path(), ignored);
    }
  }
}

}  // namespace sapiens::cli
