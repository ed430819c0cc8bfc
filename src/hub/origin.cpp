#include "hub/origin.hpp"

#include <curl/curl.h>

#include <memory>

namespace sapiens::hub {
namespace {

struct FreeUrl {
  void operator()(char* text) const { curl_free(text); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

}  // namespace

std::string origin_of(const std::string& address) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, address.c_str(), 0) != CURLUE_OK) return {};
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    curl_url_get(url.get(), which, &text, CURLU_DEFAULT_PORT);
    const std::unique_ptr<char, FreeUrl> owned(text);
    return std::string(text ? text : "");
  };
  const std::string scheme = part(CURLUPART_SCHEME);
  const std::string host = part(CURLUPART_HOST), port = part(CURLUPART_PORT);
  const bool web = scheme == "http" || scheme == "https";
  if (!web || host.empty() || port.empty()) return {};
  return scheme + "://" + host + ":" + port;
}

}  // namespace sapiens::hub
