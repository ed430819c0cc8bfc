// Lines as what a hub answers, one request after the other, and as what an earlier download left.
// libcurl is not there: `Transfer` is a script. Whatever a hub, a proxy or a mirror sends, the
// token goes to the hub alone, and nothing gets the name of a file but what has the digest that was
// told.
//
//   =cache                in the cache that is shared with other tools
//   =partial 700          so many bytes of the file are there already
//   =record {...}         beside this record
//   HTTP/1.1 200 OK       begins an answer; other lines are its headers
//   <100 2000             these bytes of the file
//   >text                 other bytes
//   drop                  the connection breaks here
//   fail                  there is none
//   .                     ends the answer
//
// @digest, @size and @record stand for what belongs to the file.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "core/parse_number.hpp"
#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/lines.hpp"
#include "hub/cached_repository.hpp"
#include "hub/origin.hpp"
#include "hub/partial_file.hpp"
#include "hub/transfer.hpp"
#include "sapiens/error.hpp"
#include "sapiens/hub.hpp"
#include "support/scratch.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_lines)

namespace {

using namespace sapiens;
using fuzz::check;
namespace fs = std::filesystem;

constexpr const char* kEndpoint = "https://hub.test";
constexpr const char* kToken = "a-token-of-the-hub";
constexpr PublishedFile kPublished = {.name = "test",
                                      .model = "test",
                                      .task = "seg",
                                      .repository = "org/name",
                                      .path = "model.safetensors",
                                      .licence = "none",
                                      .approximate_bytes = 4096,
                                      .sha256 = ""};

/// Of the process; everything lies in there.
const Scratch& scratch() {
  static const Scratch folder;
  return folder;
}

/// A small checkpoint, and what the hub should tell of it.
struct Content {
  std::string bytes;
  std::string digest;

  Content() {
    std::string header = R"({"a":{"dtype":"F32","shape":[512],"data_offsets":[0,2048]}})";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    bytes = std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header;
    for (int i = 0; i < 2048; ++i) bytes += static_cast<char>(i % 4 == 0 ? i / 16 : 0);
    write_bytes(scratch() / "content", bytes);
    digest = hub::sha256_of(scratch() / "content", {});
  }
  std::string_view part(std::size_t from, std::size_t to) const {
    from = std::min(from, bytes.size());
    return std::string_view(bytes).substr(from, std::max(to, from) - from);
  }
};

const Content& content() {
  static const Content made;
  return made;
}

std::string with_values(std::string line) {
  const std::string size = std::to_string(content().bytes.size());
  const std::string record = R"({"url":")" + std::string(kEndpoint) +
                             R"(/org/name/resolve/main/model.safetensors","etag":"\"a\"",)" +
                             R"("bytes":)" + size + R"(,"sha256":")" + content().digest + "\"}";
  const std::array<std::pair<std::string_view, std::string_view>, 3> kValues = {
      {{"@digest", content().digest}, {"@size", size}, {"@record", record}}};
  for (const auto& [mark, value] : kValues) {
    const std::size_t at = line.find(mark);
    if (at != line.npos) line.replace(at, mark.size(), value);
  }
  return line;
}

std::size_t number_in(std::string_view text) { return parse_number<std::size_t>(text).value_or(0); }

/// What is left of the lines. The process has one, as libcurl has one network.
std::span<const std::string>& script() {
  static std::span<const std::string> lines;
  return lines;
}

}  // namespace

namespace sapiens::hub {

void Transfer::Close::operator()(void*) const {}

Transfer::Transfer() = default;

Response Transfer::perform(const Request& request, Receiver& receiver) {
  check(origin_of(request.url).starts_with("https:"));
  for (const std::string& header : request.headers) {
    check(header.find_first_of("\r\n") == std::string::npos);
    check(header.find(kToken) == std::string::npos ||
          origin_of(request.url) == origin_of(kEndpoint));
  }
  Response response;
  bool wants_more = true;
  while (!script().empty() && wants_more) {
    const std::string line = with_values(script().front());
    script() = script().subspan(1);
    if (line == ".") return response;
    if (line == "drop" || line == "fail") {
      response.outcome = line == "drop" ? Outcome::Dropped : Outcome::Failed;
      return response;
    }
    if (line.starts_with('<') || line.starts_with('>')) {
      const std::size_t space = std::min(line.find(' '), line.size());
      const std::string_view words = line;
      const std::string_view bytes =
          line[0] == '>'
              ? words.substr(1)
              : content().part(number_in(words.substr(1, space - 1)),
                               number_in(words.substr(std::min(space + 1, line.size()))));
      receiver.heartbeat();
      if (!request.head && !bytes.empty()) {
        wants_more = receiver.body(std::as_bytes(std::span(bytes)));
      }
      continue;
    }
    receiver.header(line);
    if (line.starts_with("HTTP/")) {
      response.status = static_cast<int>(number_in(std::string_view(line).substr(
          std::min<std::size_t>(line.find(' ') + 1, line.size()), 3)));
    } else if (line.starts_with("location: ")) {
      const std::string to = line.substr(10);
      response.redirect = to.starts_with('/') ? origin_of(request.url) + to : to;
    }
  }
  if (wants_more) response.outcome = Outcome::Dropped;  // the script is at its end
  return response;
}

}  // namespace sapiens::hub

namespace {

std::span<const std::string> prepare(std::span<const std::string> lines, HubOptions& options) {
  for (; !lines.empty() && lines.front().starts_with('='); lines = lines.subspan(1)) {
    const std::string line = with_values(lines.front());
    const std::string path = scratch() / "folder/model.safetensors.partial";
    if (line == "=cache") options.folder.clear();
    if (line.starts_with("=partial ")) {
      write_bytes(path, std::string(content().part(0, number_in(line.substr(9)))));
    }
    if (line.starts_with("=record ")) write_bytes(path + ".json", line.substr(8));
  }
  return lines;
}

void check_pulled(const RemoteFile& remote, const PulledFile& pulled) {
  check(hub::sha256_of(pulled.path, {}) == pulled.sha256);
  check(fs::file_size(pulled.path) == pulled.bytes && pulled.resumed_at <= pulled.bytes);
  check(!remote.bytes || *remote.bytes == pulled.bytes);
  check(pulled.verified == !remote.sha256.empty() && pulled.sha256.starts_with(remote.sha256));
  if (!pulled.verified && !pulled.already_downloaded) open_checkpoint(pulled.path);
  if (!remote.blob.empty()) {
    check(hub::CachedRepository::of_blob(remote.blob).size_of(pulled.path) == pulled.bytes);
  }
}

/// Files but what is on its way.
int finished_files() {
  int count = 0;
  for (const char* name : {"folder", "hub"}) {
    for (const auto& entry : fs::recursive_directory_iterator(scratch() / name)) {
      const std::string path = entry.path().string();
      const bool is_open = path.ends_with(".partial") || path.ends_with(".json") ||
                           path.ends_with(".lock") || path.ends_with("/refs/main");
      count += entry.is_regular_file() && !entry.is_symlink() && !is_open;
    }
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const char* name : {"folder", "hub"}) {
    fs::remove_all(scratch() / name);
    fs::create_directory(scratch() / name);
  }
  for (const char* name : {"HF_HUB_CACHE", "XDG_CACHE_HOME"}) {
    ::setenv(name, (scratch() / "hub").c_str(), 1);
  }
  for (const char* name : {"SAPIENS_CACHE", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_SYMLINKS"}) {
    ::unsetenv(name);
  }
  const std::vector<std::string> lines = fuzz::take_lines_apart(fuzz::text_of(data, size));
  HubOptions options{.folder = scratch() / "folder",
                     .endpoint = kEndpoint,
                     .token = kToken,
                     .retries = 0};  // a failure is not waited for
  script() = prepare(lines, options);
  Hub client(options);
  int pulled = 0;
  for (int tries = 0; tries < 3; ++tries) {
    try {
      const RemoteFile remote = client.look_up(kPublished);
      const PulledFile file = client.pull(remote);
      check_pulled(remote, file);
      pulled += file.already_downloaded ? 0 : 1;
    } catch (const Error&) {
    }
    check(finished_files() == pulled);
  }
  return 0;
}
