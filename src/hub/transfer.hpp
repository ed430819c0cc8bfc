#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::hub {

struct Request {
  std::string url;
  bool head = false;                      ///< HEAD instead of GET.
  std::vector<std::string> headers = {};  ///< "Name: value".
  std::string certificates = {};          ///< File of those to trust; empty: the system's.
  long connect_seconds = 30;
  long idle_seconds = 30;  ///< Without a byte the connection counts as dropped.
};

/// Hears a response while it arrives. What any of these throws ends the transfer and comes out of
/// `Transfer::perform`.
class Receiver {
 public:
  Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  virtual ~Receiver() = default;
  /// A line of the header without its end, the status line first.
  virtual void header(std::string_view line) = 0;
  /// Returns false where no more of the body is wanted.
  virtual bool body(std::span<const std::byte> bytes) = 0;
  /// Several times a second, also while nothing arrives.
  virtual void heartbeat() = 0;
};

enum class Outcome {
  Done,     ///< A response came, whatever its status, or the receiver did not want more of it.
  Dropped,  ///< No connection, or one that broke: another attempt may do better.
  Failed,   ///< It would fail again: certificates, proxies, addresses.
};

struct Response {
  Outcome outcome = Outcome::Done;
  int status = 0;
  std::string redirect = {};  ///< Absolute address; empty without one.
  std::string reason = {};    ///< Of Dropped and Failed.
};

/// A connection of libcurl that is kept open from request to request. Redirects are not followed.
/// Throws Error(OutOfResources) where memory runs out.
class Transfer {
 public:
  Transfer();
  Response perform(const Request& request, Receiver& receiver);

 private:
  struct Close {
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Close> handle_;  // a CURL*
};

}  // namespace sapiens::hub
