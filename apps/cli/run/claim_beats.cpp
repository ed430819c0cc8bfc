#include "cli/run/claim_beats.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "cli/run/claim_folder.hpp"
#include "core/memory_in_use.hpp"
#include "sapiens/error.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// Blocks all signals, as long as it lives, in this thread and those that it starts.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

std::unique_ptr<ClaimFile> ClaimFile::create(const fs::path& folder, std::int64_t number,
                                             const ClaimRecord& record) {
  fs::path path = claim_path(folder, number);
  Descriptor file(uninterrupted([&] {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  }));
  if (file.number() < 0) {
    // ENOENT, ESTALE: the piece was released just now.
    if (errno == EEXIST || errno == ENOENT || errno == ESTALE) return nullptr;
    fail_to_write(path, "a claim cannot be created", errno);
  }
  std::string text = claim_text(record);
  write_all(file, std::as_bytes(std::span(text)), path);
  if (uninterrupted([&] { return ::fdatasync(file.number()); }) != 0) {
    fail_to_write(path, "a claim cannot be written", errno);
  }
  return std::unique_ptr<ClaimFile>(new ClaimFile(std::move(file), std::move(path),
                                                  claim_path(folder, number + 1), std::move(text)));
}

ClaimFile::ClaimFile(Descriptor file, fs::path path, fs::path next, std::string text)
    : file_(std::move(file)),
      path_(std::move(path)),
      next_(std::move(next)),
      text_(std::move(text)) {}

ClaimFile::~ClaimFile() {
  if (file_.number() >= 0) write_beats(kLeft);
}

int ClaimFile::write_beats(std::int64_t beats) noexcept {
  try {
    const std::string text = beats_text(beats);
    const auto position = static_cast<::off_t>(beats_position(text_));
    const auto write = [&] { return ::pwrite(file_.number(), text.data(), text.size(), position); };
    if (uninterrupted(write) < 0) return errno;
    return uninterrupted([&] { return ::fdatasync(file_.number()); }) == 0 ? 0 : errno;
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

void ClaimFile::beat() noexcept {
  if (lost_) return;
  const int error = write_beats(++beats_);
  if (error == ESTALE || error == ENOENT) lost_ = true;  // another machine removed the file
  try {
    look();
  } catch (const std::exception&) {
    return;
  }
}

void ClaimFile::look() {
  // The path may lead to the claim of another process where the piece was released, and claimed
  // again, or nowhere. Inodes would not do: some file systems number files anew when they are
  // opened.
  const std::optional<std::string> mine = read_claim(path_);
  const auto constant = std::string_view(text_).substr(0, beats_position(text_));
  if (!mine || !mine->starts_with(constant) || read_claim(next_)) lost_ = true;
}

ClaimBeats::~ClaimBeats() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ClaimBeats::add(ClaimFile& claim) {
  start();
  const std::lock_guard lock(mutex_);
  claims_.push_back(&claim);
}

void ClaimBeats::remove(ClaimFile& claim) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(claims_, &claim);
}

void ClaimBeats::start() {
  if (thread_.joinable()) return;
  const NoSignals none;  // signals are for the threads of the program
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "no thread can be started that shows that this process lives",
                 .actual = fmt::format("{}; {}", error.what(), memory_in_use()),
                 .hint = "allow more memory or threads (ulimit -v, -u)"});
  }
}

void ClaimBeats::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, beat_, [this] { return ending_; })) {
    for (ClaimFile* claim : claims_) claim->beat();
  }
}

}  // namespace sapiens::cli
