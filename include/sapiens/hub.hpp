#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Published checkpoints: which there are, where they lie once downloaded, and the download.
namespace sapiens {

/// A checkpoint that is published, and the short name it has here.
struct PublishedFile {
  std::string_view name;        ///< "0.3b:seg"; "detector".
  std::string_view model;       ///< "0.3b"; "rtmdet-m" for the detector.
  std::string_view task;        ///< "pretrain", "pose17", "pose133", "pose308", "seg", ...
  std::string_view repository;  ///< "facebook/sapiens-seg-0.3b"
  std::string_view path;        ///< In the repository.
  std::string_view licence;     ///< Of the weights, as their publisher states it.
  std::uint64_t about_bytes;    ///< Weights alone; the hub tells the exact size.
  std::string_view sha256;      ///< First digits of the digest, where its name tells them.

  /// Name of the file on the disk: the published one.
  std::string_view file_name() const noexcept { return path.substr(path.find_last_of('/') + 1); }
};

/// All of them; the table is data of the library.
std::span<const PublishedFile> published_files() noexcept;

/// What a download of it may have at most where the hub tells no size: twice `about_bytes` and
/// 16 MiB, or 32 GiB where that is 0.
std::uint64_t max_bytes_of(const PublishedFile& file) noexcept;

/// Null where there is none of this name.
const PublishedFile* find_published(std::string_view name) noexcept;

/// Where downloads lie: $SAPIENS_CACHE, $XDG_CACHE_HOME/sapiens or ~/.cache/sapiens. Throws
/// InvalidArgument where the environment names none of them.
std::filesystem::path checkpoint_cache();

/// What to open for `path_or_name`: a file of that very name; else, if it is the name of a
/// published checkpoint, where that was downloaded to. Throws NotFound for one that was not, saying
/// how to get it; every other text is a path and returned as it is.
std::filesystem::path find_checkpoint(const std::string& path_or_name);

struct HubOptions {
  std::filesystem::path folder = {};  ///< Where files go; empty: checkpoint_cache().
  std::string endpoint = {};          ///< Empty: $HF_ENDPOINT, else https://huggingface.co.
  std::string token = {};             ///< Empty: $HF_TOKEN, else none.
  int retries = 5;      ///< Attempts in a row that may bring nothing before a download fails.
  double timeout = 30;  ///< Seconds without a byte, 1 to 3600, that a connection may live.
};

/// A published file as the hub describes it, and what of it is here.
struct RemoteFile {
  const PublishedFile* published = nullptr;  ///< Borrowed.
  std::string page = {};                     ///< Where a person reads about it.
  std::string url = {};
  std::optional<std::uint64_t> bytes = {};
  std::string sha256 = {};          ///< 64 digits; fewer, or none, where the hub tells none.
  std::filesystem::path path = {};  ///< Where it is going to be.
  std::uint64_t arrived = 0;        ///< Bytes that an earlier, broken-off download left.
  bool is_there = false;            ///< A file of this size is at `path`.
};

struct PulledFile {
  std::filesystem::path path = {};
  std::uint64_t bytes = 0;
  std::uint64_t resumed_at = 0;  ///< Bytes that were there already.
  std::string sha256 = {};       ///< Of the file on the disk.
  bool verified = false;         ///< `sha256` is, or begins with, what `RemoteFile` has.
  bool was_there = false;        ///< Nothing had to be downloaded.
};

enum class PullStage { Downloading, Verifying };

/// What a caller may want to hear; either may be empty. What they throw ends the download, and
/// leaves what has arrived.
struct PullListener {
  std::function<void(PullStage stage, std::uint64_t done, std::optional<std::uint64_t> total)>
      progress = {};
  std::function<void(const std::string& text)> message = {};  ///< "the connection was lost ..."
};

/// A connection to the hub. This class alone is not in libsapiens: it is in the library
/// `sapiens::downloads`, which is linked to libcurl.
///
///   Hub hub;
///   const RemoteFile remote = hub.look_up(*find_published("0.3b:seg"));
///   const PulledFile file = hub.pull(remote);
///
/// A file appears whole or not at all, its size and digest verified. Until then it is called
/// `NAME.partial`, and `NAME.partial.json` says what it is a part of; another call, also after a
/// crash, goes on where it ends. The token is sent to the endpoint alone, never to where the hub
/// redirects.
///
/// Throws Error: Network when the hub cannot be reached or breaks off too often, NotFound when it
/// has no such file or does not give it to us, CorruptFile for a digest or size that is wrong,
/// UnsupportedFormat for something that is no checkpoint, OutOfResources for a full disk,
/// WriteFailed while another process downloads the same file, InvalidArgument for an
/// endpoint, a token or a time that cannot be one.
class Hub {
 public:
  explicit Hub(HubOptions options = {});
  Hub(Hub&&) noexcept;
  Hub& operator=(Hub&&) noexcept;
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  ~Hub();

  /// Asks the hub about a file, which costs one request.
  RemoteFile look_up(const PublishedFile& file, const PullListener& listener = {});

  PulledFile pull(const RemoteFile& file, const PullListener& listener = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sapiens
