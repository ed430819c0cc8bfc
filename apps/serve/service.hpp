#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serve/compute_queue.hpp"
#include "serve/fields.hpp"
#include "serve/http_message.hpp"
#include "serve/metrics.hpp"
#include "serve/models.hpp"
#include "serve/operations.hpp"

namespace sapiens::serve {

/// Answers requests with the models it has loaded.
class Service {
 public:
  /// Loads the models. Throws `Error` as `Models` does.
  explicit Service(const ServerOptions& options);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Answers a request; what goes wrong becomes an answer too. Many threads may call it. It also
  /// counts and logs what it answers.
  Response handle(const Request& request) noexcept;
  /// The answer to what is not HTTP enough to become a request; `remote` is the client's address.
  Response refuse(const HttpError& error, const std::string& remote) noexcept;

  const Models& models() const { return models_; }

 private:
  Response route(const Request& request);
  Response get(const Request& request);
  Response compute(const Operation& operation, const Request& request);
  Image decode(const std::string& bytes, const StopCheck& check) const;
  std::vector<Box> persons_of(const Fields& fields) const;
  void note(const Request& request, const Response& response, double seconds) noexcept;

  const ServerOptions options_;
  const Models models_;
  Metrics metrics_;
  ComputeQueue queue_;
};

}  // namespace sapiens::serve
