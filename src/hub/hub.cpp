#include "sapiens/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <system_error>
#include <thread>

#include "core/output_file.hpp"
#include "hub/connection.hpp"
#include "hub/load_module.hpp"
#include "hub/look_up.hpp"
#include "hub/partial_file.hpp"
#include "hub/refusals.hpp"

namespace sapiens {
namespace hub {
namespace {

namespace fs = std::filesystem;

/// Each attempt counts, also one that brought a byte: nobody's patience is endless.
constexpr int kMostAttempts = 500;
constexpr double kFirstWait = 0.5;
constexpr double kLongestWait = 30;
/// As much of a file as is looked at to tell what it is.
constexpr std::size_t kHead = 1024;

/// The waits grow from attempt to attempt that brings nothing.
double back_off(int failures) {
  return std::min(kFirstWait * std::exp2(failures - 1), kLongestWait);
}

/// Runs `attempt` until it does not throw Transient, or has too often without `arrived` growing.
auto keep_trying(const HubOptions& options, const PullListener& listener,
                 const std::function<std::uint64_t()>& arrived, const auto& attempt) {
  int failures = 0;
  std::uint64_t before = arrived();
  for (int attempts = 1;; ++attempts) {
    try {
      return attempt();
    } catch (const Transient& failure) {
      failures = arrived() > before ? 1 : failures + 1;
      before = arrived();
      if (failures > options.retries || attempts == kMostAttempts) throw failure.error;
      const double wait = failure.wait.value_or(back_off(failures));
      if (listener.message) {
        const ErrorDetail& detail = failure.error.detail();
        listener.message(
            fmt::format("{}: {}; next attempt in {:.1f} s", detail.summary, detail.actual, wait));
      }
      std::this_thread::sleep_for(std::chrono::duration<double>(wait));
    }
  }
}

void expect_space(const RemoteFile& file, std::uint64_t arrived) {
  std::error_code error;
  const fs::space_info space = fs::space(file.path.parent_path(), error);
  if (error || !file.bytes || space.available >= *file.bytes - arrived) return;
  throw Error(ErrorCode::OutOfResources,
              {.summary = "the disk has not enough room for the download",
               .file = file.path.string(),
               .expected = fmt::format("{} bytes", *file.bytes - arrived),
               .actual = fmt::format("{} bytes are free", space.available),
               .hint = "free some space, or choose a folder on another disk (--dir, "
                       "SAPIENS_CACHE)"});
}

/// "bytes 100-999/1000" begins at 100.
bool begins_at(const Answer& answer, std::uint64_t position) {
  const std::string range = answer.header("content-range");
  return range.starts_with(fmt::format("bytes {}-", position));
}

/// One download, over as many connections as it takes.
class Download {
 public:
  Download(Connection& connection, const RemoteFile& file, const PullListener& listener)
      : connection_(connection), file_(file), listener_(listener), partial_(file) {}

  PartialFile& partial() { return partial_; }

  /// Fetches what is missing; throws Transient where another attempt may do better.
  void fetch() {
    if (file_.bytes && partial_.size() == *file_.bytes) return;
    std::vector<std::string> headers;
    if (partial_.size() > 0) {
      headers.push_back(fmt::format("Range: bytes={}-", partial_.size()));
      if (!partial_.etag().empty()) headers.push_back("If-Range: " + partial_.etag());
    }
    const Answer answer = connection_.fetch(
        file_.url, headers,
        {.begin = [&](const Answer& begun) { begin(begun); },
         .body = [&](std::span<const std::byte> bytes) { take(bytes); },
         .heartbeat = [&] { tell(PullStage::Downloading, partial_.size(), file_.bytes); }});
    if (other_) refuse_other();
    if (answer.status == 416) {
      partial_.restart({});
      throw_again(answer, "the hub does not go on where the download stopped: it starts afresh");
    }
    expect_success(answer, page_of(connection_.endpoint(), *file_.published),
                   connection_.has_token());
    if (file_.bytes && partial_.size() < *file_.bytes) {
      throw_again(answer, "the connection was closed too early");
    }
  }

  /// The digest of what has arrived; throws CorruptFile, and removes it, if it is wrong.
  std::string verify() {
    expect_head();
    const std::uint64_t size = partial_.size();
    const std::string digest = sha256_of(
        partial_.path(), [&](std::uint64_t done) { tell(PullStage::Verifying, done, size); });
    if (!digest.starts_with(file_.sha256)) {
      partial_.discard();
      refuse_digest(file_, digest);
    }
    return digest;
  }

 private:
  void begin(const Answer& answer) {
    if (answer.status == 206 && partial_.size() > 0 && begins_at(answer, partial_.size())) return;
    if (answer.status == 206) {
      partial_.restart({});
      throw_again(answer, "the hub goes on at another place than asked for: it starts afresh");
    }
    expect_no_page(answer);
    const auto length = parse_bytes(answer.header("content-length"));
    if (length && file_.bytes && *length != *file_.bytes) {
      other_.emplace();
      return;
    }
    partial_.restart(strong_etag(answer.header("etag")));
    head_is_known_ = false;
  }

  void take(std::span<const std::byte> bytes) {
    if (other_) {
      other_->insert(other_->end(), bytes.begin(), bytes.end());
      if (other_->size() >= kHead) refuse_other();
      return;
    }
    if (file_.bytes && bytes.size() > *file_.bytes - partial_.size()) refuse_more();
    partial_.append(bytes);
    // A page instead of a file is known after its first bytes, not after the last gigabyte.
    if (!head_is_known_ && partial_.size() >= kHead) expect_head();
    tell(PullStage::Downloading, partial_.size(), file_.bytes);
  }

  void expect_head() {
    try {
      expect_checkpoint(partial_.head(kHead), file_.url);
    } catch (const Error&) {
      partial_.discard();
      throw;
    }
    head_is_known_ = true;
  }

  [[noreturn]] void refuse_other() const {
    expect_checkpoint(*other_, file_.url);
    throw Error(
        ErrorCode::CorruptFile,
        {.summary = "the hub sends another file than it describes",
         .file = file_.url,
         .expected = fmt::format("{} bytes", *file_.bytes),
         .hint = "a proxy or a mirror gives out another file; what has arrived of the right "
                 "one is kept"});
  }

  [[noreturn]] void refuse_more() {
    partial_.discard();
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the hub sends more than the file has",
                 .file = file_.url,
                 .expected = fmt::format("{} bytes", *file_.bytes),
                 .hint = "nothing was kept; a proxy or a mirror gives out another file"});
  }

  [[noreturn]] void throw_again(const Answer& answer, const char* summary) const {
    throw Transient{Error(ErrorCode::Network,
                          {.summary = summary,
                           .file = answer.url,
                           .actual = fmt::format("{} bytes have arrived", partial_.size()),
                           .hint = "what has arrived is kept, and the same command goes on"})};
  }

  void tell(PullStage stage, std::uint64_t done, std::optional<std::uint64_t> total) const {
    if (listener_.progress) listener_.progress(stage, done, total);
  }

  Connection& connection_;
  const RemoteFile& file_;
  const PullListener& listener_;
  PartialFile partial_;
  bool head_is_known_ = false;
  /// The beginning of something else that was sent, by its length. It must not replace what has
  /// arrived of the file.
  std::optional<std::vector<std::byte>> other_;
};

/// What is at `file.path` already, which is never replaced.
PulledFile expect_same_content(const RemoteFile& file, const PullListener& listener) {
  PulledFile there{.path = file.path, .was_there = true};
  there.bytes = fs::file_size(file.path);
  there.sha256 = sha256_of(file.path, [&](std::uint64_t done) {
    if (listener.progress) listener.progress(PullStage::Verifying, done, there.bytes);
  });
  there.verified = !file.sha256.empty() && there.sha256.starts_with(file.sha256);
  const bool same_size = !file.bytes || there.bytes == *file.bytes;
  if (same_size && (there.verified || file.sha256.empty())) {
    remove_record(file.path);
    return there;
  }
  const auto text = [](std::uint64_t bytes, const std::string& digest) {
    return fmt::format("{} bytes, sha256 {}", bytes, digest);
  };
  throw Error(ErrorCode::WriteFailed,
              {.summary = "there is another file of this name already",
               .file = file.path.string(),
               .expected = text(file.bytes.value_or(there.bytes), file.sha256),
               .actual = text(there.bytes, there.sha256),
               .hint = "remove it if it is a damaged copy, or choose another folder with --dir"});
}

}  // namespace
}  // namespace hub

struct Hub::State {
  explicit State(HubOptions given) : options(std::move(given)), connection(options) {
    if (options.folder.empty()) options.folder = checkpoint_cache();
  }

  HubOptions options;
  hub::Connection connection;
};

Hub::Hub(HubOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Hub::Hub(Hub&&) noexcept = default;
Hub& Hub::operator=(Hub&&) noexcept = default;
Hub::~Hub() = default;

RemoteFile Hub::look_up(const PublishedFile& file, const PullListener& listener) {
  const auto nothing = [] { return std::uint64_t{0}; };
  return hub::keep_trying(state_->options, listener, nothing, [&] {
    return hub::look_up_once(state_->connection, file, state_->options.folder, {});
  });
}

PulledFile Hub::pull(const RemoteFile& file, const PullListener& listener) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(file.path.parent_path(), error);
  if (error) fail_to_write(file.path, "the folder cannot be created", error.value());
  expect_file_or_nothing(file.path);
  if (fs::exists(file.path, error)) return hub::expect_same_content(file, listener);

  hub::Download download(state_->connection, file, listener);
  if (fs::exists(file.path, error)) {  // by now, from the process that had the lock before
    download.partial().discard();
    return hub::expect_same_content(file, listener);
  }
  const std::uint64_t resumed_at = download.partial().size();
  hub::expect_space(file, resumed_at);
  hub::keep_trying(
      state_->options, listener, [&] { return download.partial().size(); },
      [&] { download.fetch(); });
  const std::string digest = download.verify();
  const std::uint64_t bytes = download.partial().size();
  download.partial().commit();
  return {.path = file.path,
          .bytes = bytes,
          .resumed_at = resumed_at,
          .sha256 = digest,
          .verified = !file.sha256.empty()};
}

}  // namespace sapiens
