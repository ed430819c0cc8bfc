#include "serve/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>

namespace sapiens {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Answer parse(const std::string& bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.1 ") || end == std::string::npos) return {};
  if (bytes.starts_with("HTTP/1.1 100")) return parse(bytes.substr(end + 4));
  Answer answer{.status = std::atoi(bytes.c_str() + 9)};
  std::size_t line = bytes.find("\r\n") + 2;
  while (line < end) {
    const std::size_t next = bytes.find("\r\n", line);
    const std::size_t colon = bytes.find(": ", line);
    answer.headers[lower(bytes.substr(line, colon - line))] =
        bytes.substr(colon + 2, next - colon - 2);
    line = next + 2;
  }
  answer.body = bytes.substr(end + 4);
  return answer;
}

}  // namespace

std::string Answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Connection::Connection(int port) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{.tv_sec = 240, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return;
  close(socket_);
  socket_ = -1;
}

Connection::~Connection() {
  if (socket_ >= 0) close(socket_);
}

bool Connection::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

void Connection::finish_sending() const { shutdown(socket_, SHUT_WR); }

std::string Connection::receive(std::size_t size) const {
  std::string bytes(size, '\0');
  const ssize_t count = recv(socket_, bytes.data(), size, MSG_WAITALL);
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(0, count)));
  return bytes;
}

Answer Connection::receive() const {
  std::string bytes;
  std::string block(1 << 16, '\0');
  while (true) {
    const ssize_t count = recv(socket_, block.data(), block.size(), 0);
    if (count <= 0) return parse(bytes);
    bytes.append(block, 0, static_cast<std::size_t>(count));
  }
}

std::string request_text(const std::string& method, const std::string& target, Headers headers,
                         const std::string& body) {
  std::string text = method + " " + target + " HTTP/1.1\r\n";
  const auto has = [&](const char* name) {
    return std::any_of(headers.begin(), headers.end(),
                       [&](const auto& header) { return header.first == name; });
  };
  if (!has("Host")) headers.emplace_back("Host", "127.0.0.1");
  if (!body.empty() && !has("Content-Length") && !has("Transfer-Encoding")) {
    headers.emplace_back("Content-Length", std::to_string(body.size()));
  }
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  return text + "\r\n" + body;
}

Answer ask(int port, const std::string& method, const std::string& target, Headers headers,
           const std::string& body) {
  const Connection connection(port);
  if (!connection.is_open()) return {};
  connection.send(request_text(method, target, std::move(headers), body));
  return connection.receive();
}

Form form_of(const std::vector<std::pair<std::string, std::string>>& fields) {
  const std::string boundary = "a-line-that-no-image-has";
  Form form{.type = "multipart/form-data; boundary=" + boundary, .body = {}};
  for (const auto& [name, value] : fields) {
    form.body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"";
    if (name == "image") form.body += "; filename=\"a.png\"\r\nContent-Type: image/png";
    form.body += "\r\n\r\n" + value + "\r\n";
  }
  form.body += "--" + boundary + "--\r\n";
  return form;
}

std::string encode_base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (int k = 3; k >= 0; --k) text += kDigits[bits >> (6 * k) & 63];
  }
  const std::size_t padding = (3 - bytes.size() % 3) % 3;
  text.replace(text.size() - padding, padding, std::string(padding, '='));
  return text;
}

}  // namespace sapiens
