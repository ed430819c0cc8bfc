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
  std::string_view name;              ///< Short name: "0.3b:seg"; "sapiens2_0.4b"; "detector".
  std::string_view model;             ///< "0.3b", "sapiens2_0.4b"; "rtmdet-m" for the detector.
  std::string_view task;              ///< "pretrain", "pose17", "pose133", "pose308", "seg", ...
  std::string_view repository;        ///< "facebook/sapiens-seg-0.3b"
  std::string_view path;              ///< Path in the repository.
  std::string_view licence;           ///< Licence of the weights, as the publisher states it.
  std::uint64_t approximate_bytes;    ///< Size of the weights; the hub knows the exact size.
  std::string_view sha256;            ///< Leading digits of the digest if the file name has them.
  std::string_view local_name = {};   ///< If the published file name is that of other files, too.
  std::string_view licence_url = {};  ///< Text of the licence; empty: on the repository's page.

  /// The name of the file in a folder of downloads, usually the published one.
  std::string_view file_name() const noexcept {
    return local_name.empty() ? path.substr(path.find_last_of('/') + 1) : local_name;
  }
};

/// All published checkpoints; a static table.
std::span<const PublishedFile> published_files() noexcept;

/// Upper limit for a download whose size the hub does not report: twice `approximate_bytes` plus
/// 16 MiB, or 32 GiB if `approximate_bytes` is 0.
std::uint64_t max_download_bytes(const PublishedFile& file) noexcept;

/// The published checkpoint with a short name, or null. Points into the static table.
const PublishedFile* find_published(std::string_view name) noexcept;

/// The folder of new downloads: $SAPIENS_CACHE, where files have names of their own, else the cache
/// that Hugging Face's tools share, in its layout: $HF_HUB_CACHE, $HF_HOME/hub, or huggingface/hub
/// in $XDG_CACHE_HOME or ~/.cache. Throws `Error(InvalidArgument)` if none of these variables, nor
/// $HOME, is set.
std::filesystem::path checkpoint_cache();

/// What of a published checkpoint is on this machine.
struct LocalFile {
  std::filesystem::path path = {};  ///< Empty if the file was not downloaded.
  std::uint64_t bytes = 0;          ///< Size of the file at `path`.
  std::uint64_t partial_bytes = 0;  ///< Bytes that an interrupted download left.
};

/// Searches `folder`; if it is empty, $SAPIENS_CACHE if it is set, the cache that Hugging Face's
/// tools share, and without SAPIENS_CACHE the folder of earlier versions (sapiens in
/// $XDG_CACHE_HOME or ~/.cache). In the shared cache a file is found by the commit in refs/main,
/// whatever tool fetched it; a link that leads nowhere or out of the cache, or to an unfinished
/// download, is none. No network access, and no file is read. Throws `Error(InvalidArgument)` as
/// `checkpoint_cache`.
LocalFile find_local(const PublishedFile& file, const std::filesystem::path& folder = {});

/// Resolves `path_or_name`. An existing file is returned unchanged. The short name of a published
/// checkpoint becomes the path that `find_local` finds; throws `Error(NotFound)` with a hint if
/// there is none. Any other text is returned unchanged as a path.
std::filesystem::path find_checkpoint(const std::string& path_or_name);

/// Options of a `Hub`.
struct HubOptions {
  std::filesystem::path folder = {};  ///< Target folder; empty: as `Hub` describes.
  std::string endpoint = {};  ///< Base URL; empty: $HF_ENDPOINT, else https://huggingface.co.
  std::string token = {};     ///< Access token; empty: $HF_TOKEN, else that of `hf auth login`.
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
  std::string commit = {};          ///< 40 digits; empty if the hub reports no commit.
  std::filesystem::path path = {};  ///< Local path of the finished download.
  std::filesystem::path blob = {};  ///< What `path` links to, in the shared cache; else empty.
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
/// Files go to `HubOptions::folder` or $SAPIENS_CACHE, by their names; without these to the cache
/// that Hugging Face's tools share, so that they find them. That cache names content by its digest:
/// where the hub reports no digest or no commit, the file goes to the folder of earlier versions. A
/// file that `find_local` finds with the reported size and digest is not downloaded again.
///
/// A file appears at its path atomically, after its size and digest are verified. Until then it is
/// named `NAME.partial`, and `NAME.partial.json` describes it; a later call, even after a crash,
/// resumes it. The token is sent to the endpoint only, never to hosts that the hub redirects to.
/// The token is `HubOptions::token`, $HF_TOKEN, its older name $HUGGING_FACE_HUB_TOKEN, or the
/// content of $HF_TOKEN_PATH or `token` in $HF_HOME, unless HF_HUB_DISABLE_IMPLICIT_TOKEN is set.
///
/// Methods throw `Error`: Network when the hub cannot be reached or connections keep breaking,
/// NotFound for a file that does not exist or is not accessible, CorruptFile for a wrong digest or
/// size, UnsupportedFormat for a file that is not a checkpoint, OutOfResources for a full disk,
/// WriteFailed while another process downloads the same file, InvalidArgument for an invalid
/// endpoint, token or timeout, or where HF_HUB_OFFLINE is set.
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
