#include "json_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

fs::path temporary_for(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.tmp", path.filename().string());
}

std::error_code write_parts(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  errno = 0;
  std::ofstream file(path);
  write(file);
  if (file.flush()) return {};
  return {errno != 0 ? errno : EIO, std::generic_category()};
}

void finish(std::error_code error, const fs::path& path, const std::string& summary) {
  if (!error) return;
  std::error_code ignored;
  fs::remove(temporary_for(path), ignored);
  throw Error(ErrorCode::WriteFailed,
              {.summary = summary, .file = path.string(), .actual = error.message()});
}

}  // namespace

void write_json(const fs::path& path, const Json& document, const std::string& summary) {
  write_json_parts(path, summary,
                   [&](std::ostream& out) { out << documents::json_text(document, 2) << '\n'; });
}

void write_json_parts(const fs::path& path, const std::string& summary,
                      const std::function<void(std::ostream&)>& write) {
  const fs::path temporary = temporary_for(path);
  std::error_code error;
  try {
    error = write_parts(temporary, write);
  } catch (...) {
    fs::remove(temporary, error);
    throw;
  }
  if (!error) fs::rename(temporary, path, error);
  finish(error, path, summary);
}

std::string json_line(const Json& document) { return documents::json_text(document); }

void expect_json_writable(const fs::path& path, const std::string& summary) {
  const fs::path temporary = temporary_for(path);
  std::error_code error = write_parts(temporary, [](std::ostream& out) { out << "{}\n"; });
  if (!error && fs::is_directory(path)) error = std::make_error_code(std::errc::is_a_directory);
  if (!error) fs::remove(temporary, error);
  finish(error, path, summary);
}

}  // namespace sapiens::cli
