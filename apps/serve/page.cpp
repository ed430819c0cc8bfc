#include <algorithm>
#include <iterator>
#include <string>

#include "page_files.hpp"
#include "serve/service.hpp"

namespace sapiens::serve {
namespace {

// Scripts and styles are files of their own, so nothing inline needs to be allowed; images are
// those that the page draws itself.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const char* type_of(std::string_view path) {
  if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  return "text/html; charset=utf-8";
}

/// Null where there is none.
const PageFile* find_file(std::string_view path) noexcept {
  if (path == "/")
    path = "/index.html";
  else if (path == "/index.html" || !path.starts_with('/'))
    return nullptr;
  const std::string_view name = path.substr(1);
  const auto* found = std::ranges::find(kPageFiles, name, &PageFile::name);
  return found == std::end(kPageFiles) ? nullptr : found;
}

}  // namespace

std::optional<Response> page_file(std::string_view path) {
  const PageFile* file = find_file(path);
  if (!file) return std::nullopt;
  return Response{.type = type_of(file->name),
                  .body = std::string(file->content),
                  .headers = {{"Content-Security-Policy", kPolicy},
                              {"Referrer-Policy", "no-referrer"},
                              {"Cache-Control", "no-cache"}}};
}

bool is_page_file(std::string_view path) noexcept { return find_file(path) != nullptr; }

}  // namespace sapiens::serve
