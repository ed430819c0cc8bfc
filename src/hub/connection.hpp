#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/token.hpp"
#include "hub/transfer.hpp"
#include "sapiens/error.hpp"
#include "sapiens/hub.hpp"

namespace sapiens::hub {

/// A failure that another attempt may not have.
struct Transient {
  Error error;
  std::optional<double> wait = {};  ///< Seconds, where the server says so.
};

/// A response, without its body.
struct Answer {
  int status = 0;
  std::string url = {};  ///< That answered, after redirects.
  /// By names in lower case. "x-linked-..." and "x-repo-commit" are of the first hop that had
  /// them: the hub describes there what it redirects to.
  std::map<std::string, std::string> headers = {};

  /// Empty where there is none.
  std::string header(const std::string& name) const;
};

/// What a request hears; all of it may be empty, and may throw.
struct Ear {
  std::function<void(const Answer&)> begin = {};              ///< Before the body of a 200 or 206.
  std::function<void(std::span<const std::byte>)> body = {};  ///< Of a 200 or 206.
  std::function<void()> heartbeat = {};
};

/// Requests with redirects followed, and the token sent to the endpoint alone.
class Connection {
 public:
  /// Throws InvalidArgument for an endpoint, a token or a time that is none.
  explicit Connection(const HubOptions& options);

  const std::string& endpoint() const { return endpoint_; }
  const Token& token() const { return token_; }

  /// HEAD. Does not follow a redirect that has the answers already: addresses of storages are
  /// signed for GET alone.
  Answer ask(const std::string& url);
  /// GET.
  Answer fetch(const std::string& url, const std::vector<std::string>& headers, const Ear& ear);

 private:
  Answer follow(std::string url, const std::vector<std::string>& headers, const Ear& ear,
                bool head);
  Response perform(const std::string& url, std::vector<std::string> headers, bool head,
                   Receiver& receiver);

  Transfer transfer_;
  std::string endpoint_;
  Token token_;
  std::string certificates_;
  double timeout_;
};

}  // namespace sapiens::hub
