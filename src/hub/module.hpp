#pragma once

#include <cstddef>
#include <cstdint>

/// What the library and its module `sapiens_transfer` say to each other. They are two files that
/// may come from two builds: no exception and no type of the standard library crosses over, and a
/// module of another `kModuleVersion` is not used.
namespace sapiens::hub {

/// Raised with every change of this file.
inline constexpr std::uint32_t kModuleVersion = 2;
inline constexpr const char* kModuleFile = "sapiens_transfer.so";
inline constexpr const char* kModuleEntry = "sapiens_transfer_module";

enum class Outcome : int {
  Done,     ///< A response came, whatever its status.
  Stopped,  ///< The receiver did not want any more.
  Dropped,  ///< No connection, or one that broke: another attempt may do better.
  Failed,   ///< It would fail again: certificates, proxies, addresses.
  OutOfMemory,
};

/// Hears a response while it arrives. Each returns false to stop.
class Receiver {
 public:
  Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  virtual ~Receiver() = default;
  /// A line of the header without its end, the status line first.
  virtual bool header(const char* line, std::size_t length) noexcept = 0;
  virtual bool body(const char* bytes, std::size_t count) noexcept = 0;
  /// Several times a second, also while nothing arrives.
  virtual bool go_on() noexcept = 0;
};

struct Request {
  const char* url = nullptr;
  bool head = false;                     ///< HEAD instead of GET.
  const char* const* headers = nullptr;  ///< "Name: value", ended by null.
  const char* certificates = nullptr;    ///< File of those to trust; null: the system's.
  std::int64_t connect_seconds = 30;
  std::int64_t idle_seconds = 30;  ///< Without a byte the connection counts as dropped.
};

struct Response {
  int status = 0;
  const char* redirect =
      nullptr;                   ///< Absolute address; null without one. Valid until the next one.
  const char* reason = nullptr;  ///< Of Dropped and Failed. Valid until the next request.
};

/// A connection that is kept open from request to request. Redirects are not followed.
class Client {
 public:
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  virtual ~Client() = default;
  virtual Outcome perform(const Request& request, Receiver& receiver,
                          Response& response) noexcept = 0;
};

/// SHA-256.
class Digest {
 public:
  Digest() = default;
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  virtual ~Digest() = default;
  virtual bool add(const void* bytes, std::size_t count) noexcept = 0;
  virtual bool finish(unsigned char (&digest)[32]) noexcept = 0;
};

/// All of the module. What `open` and `start_digest` return is the caller's to delete; null means
/// that memory ran out.
struct Module {
  std::uint32_t version;
  Client* (*open)() noexcept;
  Digest* (*start_digest)() noexcept;
  /// Writes "scheme://host:port" of an address; false for one that is not http or https.
  bool (*origin)(const char* url, char* text, std::size_t size) noexcept;
};

}  // namespace sapiens::hub
