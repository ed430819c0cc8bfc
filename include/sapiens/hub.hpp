#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Published checkpoints: the list of them, the local cache, and downloads.
namespace sapiens {

/// A published checkpoint and its short name. All views refer to static data.
struct PublishedFile {
  std::string_view name;            ///< Short name: "0.3b:seg"; "detector".
  std::string_view model;           ///< "0.3b"; "rtmdet-m" for the detector.
  std::string_view task;            ///< "pretrain", "pose17", "pose133", "pose308", "seg", ...
  std::string_view repository;      ///< "facebook/sapiens-seg-0.3b"
  std::string_view path;            ///< Path in the repository.
  std::string_view licence;         ///< Licence of the weights, as the publisher states it.
  std::uint64_t approximate_bytes;  ///< Size of the weights; the hub knows the exact size.
  std::string_view sha256;          ///< Leading digits of the digest if the file name has them.

  /// The published file name, which is also used locally.
  std::string_view file_name() const noexcept { return path.substr(path.find_last_of('/') + 1); }
};

/// All published checkpoints; a static table.
std::span<const PublishedFile> published_files() noexcept;

/// Upper limit for a download whose size the hub does not report: twice `approximate_bytes` plus
/// 16 MiB, or 32 GiB if `approximate_bytes` is 0.
std::uint64_t max_download_bytes(const PublishedFile& file) noexcept;

/// The published checkpoint with a short name, or null. Points into the static table.
const PublishedFile* find_published(std::string_view name) noexcept;

/// The folder of downloads: $SAPIENS_CACHE, $XDG_CACHE_HOME/sapiens or ~/.cache/sapiens. Throws
/// `Error(InvalidArgument)` if none of these variables, nor $HOME, is set.
std::filesystem::path checkpoint_cache();

/// Resolves `path_or_name`. An existing file is returned unchanged. The short name of a published
/// checkpoint becomes the path of its download; throws `Error(NotFound)` with a hint if it is not
/// downloaded. Any other text is returned unchanged as a path.
std::filesystem::path find_checkpoint(const std::string& path_or_name);

/// Options of a `Hub`.
struct HubOptions {
  std::filesystem::path folder = {};  ///< Target folder; empty: checkpoint_cache().
  std::string endpoint = {};  ///< Base URL; empty: $HF_ENDPOINT, else https://huggingface.co.
  std::string token = {};     ///< Access token; empty: $HF_TOKEN, else none.
  int retries = 5;            ///< Consecutive attempts without progress before a download fails.
  double timeout = 30;        ///< Seconds without data before a connection is closed; 1 to 3600.
};

/// A published file as described by the hub, and its local state.
struct RemoteFile {
  const PublishedFile* published = nullptr;  ///< Not owned; usually static.
  std::string page = {};                     ///< URL of a page that describes the file.
  std::string url = {};                      ///< URL of the file.
  std::optional<std::uint64_t> bytes = {};   ///< Size, if the hub reports it.
  std::string sha256 = {};          ///< 64 digits; fewer or none if the hub reports no digest.
  std::filesystem::path path = {};  ///< Local path of the finished download.
  std::uint64_t partial_bytes = 0;  ///< Bytes that an interrupted download left.
  bool is_downloaded = false;       ///< `path` exists and has this size.
};

/// A downloaded file.
struct PulledFile {
  std::filesystem::path path = {};  ///< Local path.
  std::uint64_t bytes = 0;          ///< Size.
  std::uint64_t resumed_at = 0;     ///< Bytes that an earlier download had left.
  std::string sha256 = {};          ///< Digest of the local file, 64 digits.
  bool verified = false;            ///< `sha256` begins with the digest of `RemoteFile`.
  bool already_downloaded = false;  ///< True if nothing had to be downloaded.
};

/// What `Hub::pull` is doing.
enum class PullStage { Downloading, Verifying };

/// Callbacks of a download; each may be empty. An exception that one throws stops the download and
/// reaches the caller; the bytes so far are kept.
struct PullListener {
  /// Bytes done and in total, if known, of the current stage.
  std::function<void(PullStage stage, std::uint64_t done, std::optional<std::uint64_t> total)>
      progress = {};
  std::function<void(const std::string& text)> message = {};  ///< E.g. that a connection was lost.
};

/// Client of the hub. Unlike the rest of this header, this class is not in libsapiens but in the
/// library `sapiens::downloads`, which links libcurl.
///
///   Hub hub;
///   const RemoteFile remote = hub.look_up(*find_published("0.3b:seg"));
///   const PulledFile file = hub.pull(remote);
///
/// A file appears at its path atomically, after its size and digest are verified. Until then it is
/// named `NAME.partial`, and `NAME.partial.json` describes it; a later call, even after a crash,
/// resumes it. The token is sent to the endpoint only, never to hosts that the hub redirects to.
///
/// Methods throw `Error`: Network when the hub cannot be reached or connections keep breaking,
/// NotFound for a file that does not exist or is not accessible, CorruptFile for a wrong digest or
/// size, UnsupportedFormat for a file that is not a checkpoint, OutOfResources for a full disk,
/// WriteFailed while another process downloads the same file, InvalidArgument for an invalid
/// endpoint, token or timeout.
class Hub {
 public:
  /// Opens no connection yet.
  explicit Hub(HubOptions options = {});
  Hub(Hub&&) noexcept;
  Hub& operator=(Hub&&) noexcept;
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  ~Hub();

  /// Asks the hub for size and digest of a file, with one request.
  RemoteFile look_up(const PublishedFile& file, const PullListener& listener = {});

  /// Downloads and verifies a file, unless it is complete already.
  PulledFile pull(const RemoteFile& file, const PullListener& listener = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sapiens
