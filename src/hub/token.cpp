#include "hub/token.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "hub/environment.hpp"
#include "sapiens/error.hpp"

namespace sapiens::hub {
namespace {

namespace fs = std::filesystem;

// Tokens have some forty characters, those of continuous integration a few thousand.
constexpr std::size_t kMaxToken = 16384;

std::string without_space_around(std::string text) {
  constexpr const char* kSpace = " \t\r\n";
  text.erase(0, text.find_first_not_of(kSpace));
  text.erase(text.find_last_not_of(kSpace) + 1);
  return text;
}

Token checked(std::string text, std::string source) {
  text = without_space_around(std::move(text));
  const bool printable = std::ranges::all_of(text, [](char c) { return '!' <= c && c <= '~'; });
  if (printable && text.size() <= kMaxToken) return {std::move(text), std::move(source)};
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the token of the hub has characters that no token has, or too many",
               .key = std::move(source),
               .expected = "one line of letters, digits and underscores",
               .hint = "copy the token again from the settings of your account on the hub"});
}

fs::path token_file() {
  if (is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return {};
  fs::path chosen = environment_path("HF_TOKEN_PATH");
  if (!chosen.empty()) return chosen;
  const fs::path home = hugging_face_home();
  return home.empty() ? home : home / "token";
}

/// Empty for a file that is not there.
std::string content_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (path.empty() || status.type() == fs::file_type::not_found) return {};
  std::ifstream file;
  if (status.type() == fs::file_type::regular) file.open(path, std::ios::binary);
  std::string text(kMaxToken + 1, '\0');
  if (file.is_open() && !file.read(text.data(), static_cast<std::streamsize>(text.size())).bad()) {
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the file with the token of the hub cannot be read",
               .file = path.string(),
               .expected = "a file that you may read, as `hf auth login` writes it",
               .hint = "remove it, set HF_TOKEN, or name another file in HF_TOKEN_PATH"});
}

}  // namespace

Token find_token(const std::string& given) {
  if (!given.empty()) return checked(given, "HF_TOKEN");
  for (const char* variable : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    Token token = checked(environment(variable), variable);
    if (!token.text.empty()) return token;
  }
  const fs::path path = token_file();
  Token token = checked(content_of(path), path.string());
  return token.text.empty() ? Token{} : token;
}

}  // namespace sapiens::hub
