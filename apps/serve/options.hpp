#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <sapiens/detector.hpp>
#include <sapiens/features.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::serve {

using Clock = std::chrono::steady_clock;

/// What one request, and all of them together, may take. Memory is bounded by `connections` bodies
/// and `queue` decoded images.
struct Limits {
  std::size_t body_bytes = 32u << 20;
  Index image_pixels = Index{1} << 25;  ///< By the image's header: 33.5 megapixels.
  Index persons = 64;                   ///< Boxes in one request.
  Index queue = 32;                     ///< Requests that are decoding, waiting or computing.
  Index connections = 64;               ///< Bodies that are read, computed or answered at a time.
  Index batch = 8;                      ///< Images in one forward pass.
  double seconds = 300;     ///< From a request's head to its answer, and then to take it.
  double look_pause = 0.1;  ///< Seconds between checks whether the client is connected.
};

struct NamedCheckpoint {
  std::string name;  ///< What requests call it.
  std::string path;
  std::string prefix = {};  ///< Of the model in the file, as `ModelOptions::prefix`.
};

struct ServerOptions {
  std::vector<NamedCheckpoint> models = {};
  std::string detector = {};  ///< Checkpoint that finds persons; empty: none.
  DetectOptions detect = {};
  std::string host = "127.0.0.1";
  int port = 8080;         ///< 0: any that is free.
  std::string token = {};  ///< Empty: no token is required.
  Limits limits = {};
  EngineOptions engine = {};
  /// Is given one line per request, from several threads; may be empty.
  std::function<void(std::string_view line)> log = {};
};

/// Whether it names this machine, for programs on it and no others: localhost, an address
/// 127.x.x.x in full, ::1 or [::1].
bool is_loopback(std::string_view host) noexcept;

}  // namespace sapiens::serve
