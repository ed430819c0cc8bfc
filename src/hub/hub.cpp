#include "sapiens/hub.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <system_error>
#include <thread>

#include "core/atomic_file.hpp"
#include "hub/cached_repository.hpp"
#include "hub/connection.hpp"
#include "hub/download.hpp"
#include "hub/local_files.hpp"
#include "hub/partial_file.hpp"
#include "hub/place.hpp"

namespace sapiens {
namespace hub {
namespace {

namespace fs = std::filesystem;

/// Limits all attempts, including those that received data, so that a download always ends.
constexpr int kMaxAttempts = 500;
constexpr double kFirstWait = 0.5;
constexpr double kMaxWaitSeconds = 30;

/// The waits grow from attempt to attempt that brings nothing.
double back_off(int failures) {
  return std::min(kFirstWait * std::exp2(failures - 1), kMaxWaitSeconds);
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
      if (failures > options.retries || attempts == kMaxAttempts) throw failure.error;
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
  // The approximate size if the hub does not report one.
  const std::uint64_t size =
      file.bytes.value_or(file.published ? file.published->approximate_bytes : 0);
  if (error || size <= arrived || space.available >= size - arrived) return;
  throw Error(ErrorCode::OutOfResources,
              {.summary = "the disk has not enough room for the download",
               .file = file.path.string(),
               .expected = fmt::format("{} bytes", size - arrived),
               .actual = fmt::format("{} bytes are free", space.available),
               .hint = "free some space, or choose a folder on another disk (`folder`, "
                       "SAPIENS_CACHE, HF_HOME)"});
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && ::access(folder.c_str(), W_OK) != 0) error.assign(errno, std::generic_category());
  if (!error) return;
  throw Error(ErrorCode::WriteFailed,
              {.summary = "the folder for downloads cannot be written to",
               .file = folder.string(),
               .actual = error.message(),
               .hint = "name another one with `folder`, or in SAPIENS_CACHE, or move the cache of "
                       "Hugging Face's tools with HF_HOME"});
}

/// What is at `file.path` already, which is never replaced.
PulledFile expect_same_content(const RemoteFile& file, const PullListener& listener) {
  PulledFile there{.path = file.path, .already_downloaded = true};
  std::error_code error;  // one that matters comes again when the file is read
  there.bytes = fs::file_size(file.path, error);
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
  throw Error(
      ErrorCode::WriteFailed,
      {.summary = "there is another file of this name already",
       .file = file.path.string(),
       .expected = text(file.bytes.value_or(there.bytes), file.sha256),
       .actual = text(there.bytes, there.sha256),
       .hint = "remove it if it is a damaged copy, or choose another folder with `folder`"});
}

/// What is in the snapshot already.
PulledFile take_from_cache(const RemoteFile& file, const CachedRepository& repository,
                           const PullListener& listener) {
  RemoteFile content = file;
  content.path = fs::canonical(file.path);  // What is to be removed if it is damaged.
  PulledFile there = expect_same_content(content, listener);
  there.path = file.path;
  try {
    set_main_commit(repository, file.commit);
  } catch (const Error& error) {  // The cache may be another user's, or mounted read-only.
    if (error.code() != ErrorCode::WriteFailed) throw;
    if (listener.message) {
      listener.message(
          fmt::format("{} cannot be written ({}): give the path of the file, because its "
                      "name does not lead to it",
                      repository.main().string(), error.detail().actual));
    }
  }
  return there;
}

}  // namespace
}  // namespace hub

struct Hub::State {
  explicit State(HubOptions given) : options(std::move(given)), connection(options) {
    static_cast<void>(hub::stores(options.folder));  // throws if there is none
  }
  PulledFile pull(const RemoteFile& file, const PullListener& listener);
  PulledFile pull_into_cache(const RemoteFile& file, const PullListener& listener);

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
    return hub::look_up_once(state_->connection, file, state_->options.folder);
  });
}

/// Downloads to `file.path`.
PulledFile Hub::State::pull(const RemoteFile& file, const PullListener& listener) {
  namespace fs = std::filesystem;
  std::error_code error;
  expect_file_or_nothing(file.path);
  if (fs::exists(file.path, error)) return hub::expect_same_content(file, listener);
  hub::make_folder(file.path.parent_path());

  hub::Download download(connection, file, listener);
  if (fs::exists(file.path, error)) {  // by now, from the process that had the lock before
    download.partial().discard();
    return hub::expect_same_content(file, listener);
  }
  hub::expect_space(file, download.resumed_at());
  hub::keep_trying(
      options, listener, [&] { return download.partial().size(); }, [&] { download.fetch(); });
  const std::string digest = download.verify();
  const std::uint64_t bytes = download.partial().size();
  download.partial().commit();
  return {.path = file.path,
          .bytes = bytes,
          .resumed_at = download.resumed_at(),
          .sha256 = digest,
          .verified = !file.sha256.empty()};
}

/// Downloads to `file.blob`, and makes `file.path` a link to it.
PulledFile Hub::State::pull_into_cache(const RemoteFile& file, const PullListener& listener) {
  namespace fs = std::filesystem;
  const hub::CachedRepository repository = hub::CachedRepository::of_blob(file.blob);
  if (repository.size_of(file.path) > 0) return hub::take_from_cache(file, repository, listener);
  const fs::path lock = repository.lock(file.sha256);
  hub::make_folder(lock.parent_path());
  for (const fs::path& folder :
       {file.blob.parent_path(), file.path.parent_path(), repository.main().parent_path()}) {
    hub::make_folder(folder);
    hub::expect_inside(repository, folder);
  }
  // The lock of Hugging Face's tools, so that they and this do not download the same twice.
  const Descriptor locked = open_locked(lock, file.blob);
  if (repository.size_of(file.path) > 0) return hub::take_from_cache(file, repository, listener);
  if (fs::is_symlink(file.blob) && repository.size_of(file.blob) == 0) fs::remove(file.blob);
  RemoteFile content = file;
  content.path = file.blob;
  PulledFile pulled = pull(content, listener);
  hub::link_snapshot(file.blob, file.path, !pulled.already_downloaded);
  hub::set_main_commit(repository, file.commit);
  pulled.path = file.path;
  return pulled;
}

PulledFile Hub::pull(const RemoteFile& file, const PullListener& listener) {
  return file.blob.empty() ? state_->pull(file, listener) : state_->pull_into_cache(file, listener);
}

}  // namespace sapiens
