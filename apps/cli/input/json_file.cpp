#include "cli/input/json_file.hpp"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>

#include "core/atomic_file.hpp"
#include "core/open_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = std::size_t{1} << 16;

/// Errors of the file say `summary` first.
template <typename Write>
void with_summary(const fs::path& path, const std::string& summary, Write write) {
  try {
    write();
  } catch (const Error& error) {
    ErrorDetail detail = error.detail();
    // Of a file that its contents are made of.
    if (!detail.file.empty() && detail.file != path.string()) throw;
    if (detail.actual.empty()) detail.actual = detail.summary;
    detail.summary = summary;
    detail.file = path.string();
    throw Error(error.code(), detail);
  }
}

}  // namespace

void write_json(const fs::path& path, const Json& document, const std::string& summary) {
  write_json_parts(path, summary,
                   [&](const Append& append) { append(documents::json_text(document, 2) + '\n'); });
}

void write_json_parts(const fs::path& path, const std::string& summary,
                      const std::function<void(const Append& append)>& write) {
  with_summary(path, summary, [&] {
    AtomicFile file(path);
    write([&](std::string_view text) { file.write(std::as_bytes(std::span(text))); });
    file.commit();
  });
}

std::optional<std::string> read_if_there(const fs::path& path) {
  const Descriptor file(
      uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  std::string text;
  ::ssize_t size = file.number() < 0 ? -1 : 1;
  while (size > 0) {
    const std::size_t before = text.size();
    text.resize(before + kBlock);
    size = uninterrupted([&] { return ::read(file.number(), text.data() + before, kBlock); });
    text.resize(before + static_cast<std::size_t>(std::max<::ssize_t>(size, 0)));
  }
  if (size == 0) return text;
  // ESTALE: another machine replaced it.
  if (errno == ENOENT || errno == ENOTDIR || errno == ESTALE) return std::nullopt;
  fail_to_read(path, "the record cannot be read", errno);
}

std::string json_line(const Json& document) { return documents::json_text(document); }

void expect_json_writable(const fs::path& path, const std::string& summary) {
  with_summary(path, summary, [&] {
    AtomicFile file(path);
    file.write(std::as_bytes(std::span(std::string_view("{}\n"))));
  });
}

}  // namespace sapiens::cli
