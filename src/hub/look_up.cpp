#include "hub/look_up.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/parse_number.hpp"
#include "hub/partial_file.hpp"
#include "hub/refusals.hpp"

namespace sapiens::hub {
namespace {

/// The digest that an ETag is for files in Git LFS; empty for other ETags.
std::string digest_in(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  const bool digest = etag.size() == 64 && std::ranges::all_of(etag, [](char c) {
                        return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f');
                      });
  return digest ? std::string(etag) : "";
}

std::optional<std::uint64_t> size_in(const Answer& answer) {
  const std::string linked = answer.header("x-linked-size");
  return parse_number<std::uint64_t>(linked.empty() ? answer.header("content-length") : linked);
}

}  // namespace

std::string strong_etag(const std::string& header) { return header.starts_with('"') ? header : ""; }

RemoteFile look_up_once(Connection& connection, const PublishedFile& file,
                        const std::filesystem::path& folder) {
  RemoteFile remote{.published = &file,
                    .page = fmt::format("{}/{}", connection.endpoint(), file.repository),
                    .path = folder / file.file_name()};
  remote.url = fmt::format("{}/resolve/main/{}", remote.page, file.path);
  const Answer answer = connection.ask(remote.url);
  expect_success(answer, remote.page, connection.has_token());
  expect_no_page(answer);
  remote.bytes = size_in(answer);
  remote.sha256 = digest_in(answer.header("x-linked-etag"));
  if (remote.sha256.empty()) remote.sha256 = digest_in(answer.header("etag"));
  if (remote.sha256.empty()) remote.sha256 = file.sha256;
  remote.partial_bytes = partial_size(remote);
  std::error_code error;
  remote.is_downloaded =
      std::filesystem::is_regular_file(remote.path, error) &&
      (!remote.bytes || std::filesystem::file_size(remote.path, error) == *remote.bytes);
  return remote;
}

}  // namespace sapiens::hub
