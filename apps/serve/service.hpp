#pragma once

#include <optional>
#include <sapiens/image.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "serve/compute_queue.hpp"
#include "serve/http_message.hpp"
#include "serve/metrics.hpp"
#include "serve/models.hpp"
#include "serve/operations.hpp"

namespace sapiens::serve {

/// An image and what is asked of it.
struct Upload {
  std::string image;  ///< Still encoded.
  Fields fields;
};

/// Reads the body of `request`: an image, a form with one, or JSON with one in base64. Fields may
/// also stand in the query. Throws HttpError 400, 415 and what `read_body` throws.
Upload read_upload(const Request& request, const Operation& operation);

/// Everything an answer is made of.
struct Answered {
  const Operation& operation;
  const Models::Entry& entry;
  const Fields& fields;
  const Image& image;
  const RunSettings& settings;
  const Computed& computed;
  double decode = 0;      ///< Seconds.
  double preprocess = 0;  ///< Seconds.
};

/// The answer as `type`, one of the operation's. Throws what `check` throws.
Response make_answer(const Answered& answered, std::string_view type, const StopCheck& check);

/// One file of the page at "/", with headers that let it load nothing from elsewhere; nothing for
/// other paths.
std::optional<Response> page_file(std::string_view path);

bool is_page_file(std::string_view path) noexcept;

/// Answers requests with the models it has loaded.
class Service {
 public:
  /// Loads the models. Throws `Error` as `Models` does.
  explicit Service(const ServerOptions& options);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() = default;

  /// Answers a request; what goes wrong becomes an answer too. Many threads may call it. It also
  /// counts and logs what it answers.
  Response handle(const Request& request);
  /// The answer to what is not HTTP enough to become a request; `remote` is the client's address.
  Response refuse(const HttpError& error, const std::string& remote);

  const Models& models() const { return models_; }

 private:
  Response route(const Request& request);
  Response get(const Request& request);
  std::string text_of(const Resource& resource) const;
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
