// Any bytes as a request with its body: the head as the server reads it, the body as the HTTP
// library takes it apart, and the image and fields in it.
#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "serve/access.hpp"
#include "serve/http_server.hpp"
#include "serve/operations.hpp"
#include "serve/service.hpp"

namespace {

using namespace sapiens;
using namespace sapiens::serve;
using fuzz::check;

constexpr Limits kLimits = {.body_bytes = 1 << 16};
constexpr double kMaxPixel = 1e6;

class Bytes final : public httplib::Stream {
 public:
  explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t count = std::min(size, bytes_.size() - at_);
    std::memcpy(to, bytes_.data() + at_, count);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char*, std::size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return -1; }

 private:
  const std::string bytes_;
  std::size_t at_ = 0;
};

void check_upload(const Upload& upload) {
  check(!upload.image.empty() && upload.image.size() <= kLimits.body_bytes);
  for (const Box& box : upload.fields.boxes("boxes")) {
    for (const float number : {box.x, box.y, box.width, box.height}) {
      check(std::abs(number) <= kMaxPixel);
    }
    check(box.width > 0 && box.height > 0);
  }
  upload.fields.whole("layer");
  upload.fields.list("out_type");
}

void read(const Request& request) {
  check_same_origin(request, {});
  const Operation* const operation = find_operation(request.path);
  if (!operation) throw unknown_path(request.path);
  check_upload(read_upload(request, *operation));
}

void answer(const httplib::Request& from, const httplib::ContentReader& reader) {
  const auto deadline = Clock::now() + std::chrono::hours(1);
  try {
    read({.method = from.method,
          .path = from.path,
          .query = {from.params.begin(), from.params.end()},
          .deadline = deadline,
          .header = [&](const char* name) { return from.get_header_value(name); },
          .read_body = [&] { return read_body(from, &reader, kLimits, deadline); }});
  } catch (const HttpError& error) {
    const Response response = error.response();
    check(400 <= response.status && response.status < 500);
    check(nlohmann::json::accept(response.body));  // whatever bytes of the request it quotes
  }
}

class Reader : private httplib::Server {
 public:
  Reader() {
    Post(".*", [](const httplib::Request& from, httplib::Response&,
                  const httplib::ContentReader& reader) { answer(from, reader); });
  }
  void read(const RequestHead& head, std::string_view body) {
    Bytes stream(bare_head(head).append(body));
    bool closed = false;
    process_request(stream, true, closed, [&](httplib::Request& request) {
      take_head(head, request);
      request.progress = [](std::uint64_t, std::uint64_t) { return true; };
    });
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Reader reader;
  const std::string_view bytes = fuzz::text_of(data, size);
  const std::size_t end = end_of_head(bytes);
  if (end == bytes.npos) return 0;
  try {
    reader.read(parse_head(bytes.substr(0, end)), bytes.substr(end));
  } catch (const HttpError&) {
  }
  return 0;
}
