#include "serve/secrets.hpp"

#include <algorithm>
#include <fstream>
#include <sapiens/error.hpp>

namespace sapiens::serve {

bool is_token(std::string_view given, std::string_view token) noexcept {
  // Every byte of what was given is compared, so the time tells its length and nothing else.
  unsigned difference = given.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = token.empty() ? '\0' : token[i % token.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(expected);
  }
  return difference == 0;
}

std::string read_token(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) {
    throw Error(ErrorCode::NotFound,
                {.summary = "the token cannot be read", .file = path.string()});
  }
  if (line.ends_with('\r')) line.pop_back();
  expect_token(line, path.string());
  return line;
}

void expect_token(std::string_view token, const std::string& source) {
  constexpr std::size_t kMin = 8, kMax = 1024;
  const bool printable =
      std::all_of(token.begin(), token.end(), [](char c) { return '!' <= c && c <= '~'; });
  if (printable && kMin <= token.size() && token.size() <= kMax) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this is no token",
               .file = source,
               .expected = "8 to 1024 printable ASCII characters without spaces",
               .hint = "make one with `head -c 24 /dev/urandom | base64`"});
}

}  // namespace sapiens::serve
