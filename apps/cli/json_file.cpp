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

std::error_code write_text(const fs::path& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path);
  if ((file << text).flush()) return {};
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
  const fs::path temporary = temporary_for(path);
  std::error_code error =
      write_text(temporary, document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  if (!error) fs::rename(temporary, path, error);
  finish(error, path, summary);
}

void expect_json_writable(const fs::path& path, const std::string& summary) {
  const fs::path temporary = temporary_for(path);
  std::error_code error = write_text(temporary, "{}\n");
  if (!error && fs::is_directory(path)) error = std::make_error_code(std::errc::is_a_directory);
  if (!error) fs::remove(temporary, error);
  finish(error, path, summary);
}

}  // namespace sapiens::cli
