#include "hub/download.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "checkpoint/state_dict.hpp"
#include "core/parse_number.hpp"
#include "hub/cached_repository.hpp"
#include "hub/local_files.hpp"
#include "hub/place.hpp"
#include "hub/refusals.hpp"

namespace sapiens::hub {
namespace {

/// The number of bytes that are examined to identify a file.
constexpr std::size_t kHead = 1024;

/// "bytes 100-999/1000" begins at 100.
bool begins_at(const Answer& answer, std::uint64_t position) {
  return answer.header("content-range").starts_with(fmt::format("bytes {}-", position));
}

/// The digest that an ETag is for files in Git LFS; empty for other ETags.
std::string digest_in(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return is_sha256(etag) ? std::string(etag) : "";
}

std::optional<std::uint64_t> size_in(const Answer& answer) {
  const std::string linked = answer.header("x-linked-size");
  return parse_number<std::uint64_t>(linked.empty() ? answer.header("content-length") : linked);
}

}  // namespace

Download::Download(Connection& connection, const RemoteFile& file, const PullListener& listener)
    : connection_(connection),
      file_(file),
      listener_(listener),
      partial_(file),
      resumed_at_(partial_.size()) {}

void Download::fetch() {
  if (file_.bytes && partial_.size() == *file_.bytes) return;
  const Answer answer = connection_.fetch(
      file_.url, headers(),
      {.begin = [&](const Answer& begun) { begin(begun); },
       .body = [&](std::span<const std::byte> bytes) { take(bytes); },
       .heartbeat = [&] { tell(PullStage::Downloading, partial_.size(), file_.bytes); }});
  if (other_) refuse_other();
  if (answer.status == 416) ask_for_all(answer);
  expect_success(answer, file_.page, connection_.token());
  if (file_.bytes && partial_.size() < *file_.bytes) {
    try_again(answer, "the connection was closed too early");
  }
}

std::vector<std::string> Download::headers() const {
  if (!partial_.can_go_on() || wants_all_) return {};
  std::vector<std::string> lines = {fmt::format("Range: bytes={}-", partial_.size())};
  if (!partial_.etag().empty()) lines.push_back("If-Range: " + partial_.etag());
  return lines;
}

void Download::begin(const Answer& answer) {
  if (answer.status == 206) {
    if (partial_.size() == 0 || !begins_at(answer, partial_.size())) ask_for_all(answer);
    return;
  }
  expect_no_page(answer);
  const auto length = parse_number<std::uint64_t>(answer.header("content-length"));
  if (length && file_.bytes && *length != *file_.bytes) {
    other_.emplace();
    return;
  }
  if (length && *length > max_bytes()) refuse_more();
  partial_.restart(strong_etag(answer.header("etag")));
  resumed_at_ = 0;
  head_is_known_ = false;
  wants_all_ = false;
}

void Download::take(std::span<const std::byte> bytes) {
  if (other_) {
    other_->insert(other_->end(), bytes.begin(), bytes.end());
    if (other_->size() >= kHead) refuse_other();
    return;
  }
  if (bytes.size() > max_bytes() - partial_.size()) refuse_more();
  partial_.append(bytes);
  // A page instead of a file is known after its first bytes, not after the last gigabyte.
  if (!head_is_known_ && partial_.size() >= kHead) expect_head();
  tell(PullStage::Downloading, partial_.size(), file_.bytes);
}

std::string Download::verify() {
  expect_head();
  const std::uint64_t size = partial_.size();
  std::string digest = sha256_of(
      partial_.path(), [&](std::uint64_t done) { tell(PullStage::Verifying, done, size); });
  if (!digest.starts_with(file_.sha256)) {
    partial_.discard();
    refuse_digest(file_, digest);
  }
  if (file_.sha256.empty()) expect_readable();
  return digest;
}

// Nobody has said what the file is, so what cannot be opened gets no name of a checkpoint.
void Download::expect_readable() {
  try {
    static_cast<void>(open_checkpoint(partial_.path()));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::OutOfResources) throw;
    partial_.discard();
    refuse_unreadable(file_, error);
  }
}

std::uint64_t Download::max_bytes() const {
  return file_.bytes.value_or(
      max_download_bytes(file_.published ? *file_.published : PublishedFile{}));
}

void Download::expect_head() {
  try {
    expect_checkpoint(partial_.head(kHead), file_.url);
  } catch (const Error&) {
    partial_.discard();
    throw;
  }
  head_is_known_ = true;
}

void Download::refuse_other() const {
  expect_checkpoint(*other_, file_.url);
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the hub sends another file than it describes",
               .file = file_.url,
               .expected = fmt::format("{} bytes", *file_.bytes),
               .hint = "a proxy or a mirror gives out another file; what has arrived of the right "
                       "one is kept"});
}

void Download::refuse_more() {
  partial_.discard();
  throw Error(ErrorCode::CorruptFile,
              {.summary = file_.bytes ? "the hub sends more than the file has"
                                      : "the hub, which tells no size, sends more than such a file "
                                        "can have",
               .file = file_.url,
               .expected = fmt::format("{}{} bytes", file_.bytes ? "" : "at most ", max_bytes()),
               .hint = "nothing was kept; a proxy or a mirror gives out another file"});
}

void Download::ask_for_all(const Answer& answer) {
  wants_all_ = true;
  try_again(answer, "the hub does not go on where the download stopped: it starts afresh");
}

void Download::try_again(const Answer& answer, const char* summary) const {
  throw Transient{Error(ErrorCode::Network,
                        {.summary = summary,
                         .file = answer.url,
                         .actual = fmt::format("{} bytes have arrived", partial_.size()),
                         .hint = "what has arrived is kept, and the same command goes on"})};
}

void Download::tell(PullStage stage, std::uint64_t done, std::optional<std::uint64_t> total) const {
  if (listener_.progress) listener_.progress(stage, done, total);
}

std::string strong_etag(const std::string& header) { return header.starts_with('"') ? header : ""; }

RemoteFile look_up_once(Connection& connection, const PublishedFile& file,
                        const std::filesystem::path& folder) {
  expect_names(file);
  RemoteFile remote{.published = &file,
                    .page = fmt::format("{}/{}", connection.endpoint(), file.repository)};
  remote.url = fmt::format("{}/resolve/main/{}", remote.page, file.path);
  const Answer answer = connection.ask(remote.url);
  expect_success(answer, remote.page, connection.token());
  expect_no_page(answer);
  remote.bytes = size_in(answer);
  remote.sha256 = digest_in(answer.header("x-linked-etag"));
  if (remote.sha256.empty()) remote.sha256 = digest_in(answer.header("etag"));
  if (remote.sha256.empty()) remote.sha256 = file.sha256;
  remote.commit = answer.header("x-repo-commit");
  if (!is_commit(remote.commit)) remote.commit.clear();
  choose_place(remote, file, folder);
  return remote;
}

}  // namespace sapiens::hub
