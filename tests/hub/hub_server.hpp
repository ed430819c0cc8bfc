#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/scratch.hpp"

namespace sapiens {

/// hub_server.py, running, with `file` for every published one.
class HubServer {
 public:
  explicit HubServer(const std::string& file, const std::vector<std::string>& options = {});
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;
  ~HubServer();

  /// "http://127.0.0.1:40123"
  const std::string& endpoint() const { return endpoint_; }
  const std::string& proxy() const { return proxy_; }
  /// Requests so far: server ("hub", "storage" or "proxy"), method, path, status, authorization,
  /// range, if_range.
  std::vector<nlohmann::json> requests(const std::string& server) const;

 private:
  Scratch scratch_;
  std::string endpoint_, proxy_;
  pid_t pid_ = -1;
  int standard_input_ = -1;
};

}  // namespace sapiens
