#include "cli/input/json_file.hpp"

#include <array>
#include <span>
#include <streambuf>
#include <string_view>

#include "core/atomic_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// Hands text on to a file in large pieces.
class FileBuffer : public std::streambuf {
 public:
  explicit FileBuffer(AtomicFile& file) : file_(file) {
    setp(bytes_.data(), bytes_.data() + bytes_.size());
  }

  void flush() {
    file_.write(std::as_bytes(std::span(pbase(), pptr())));
    setp(bytes_.data(), bytes_.data() + bytes_.size());
  }

 protected:
  int_type overflow(int_type next) override {
    flush();
    return traits_type::eq_int_type(next, traits_type::eof()) ? traits_type::not_eof(next)
                                                              : sputc(static_cast<char>(next));
  }

 private:
  AtomicFile& file_;
  std::array<char, 1 << 16> bytes_;
};

/// Errors of files say `summary` first.
template <typename Write>
void with_summary(const fs::path& path, const std::string& summary, Write write) {
  try {
    write();
  } catch (const Error& error) {
    ErrorDetail detail = error.detail();
    if (detail.actual.empty()) detail.actual = detail.summary;
    detail.summary = summary;
    detail.file = path.string();
    throw Error(error.code(), detail);
  }
}

}  // namespace

void write_json(const fs::path& path, const Json& document, const std::string& summary) {
  write_json_parts(path, summary,
                   [&](std::ostream& out) { out << documents::json_text(document, 2) << '\n'; });
}

void write_json_parts(const fs::path& path, const std::string& summary,
                      const std::function<void(std::ostream&)>& write) {
  with_summary(path, summary, [&] {
    AtomicFile file(path);
    FileBuffer buffer(file);
    std::ostream out(&buffer);
    out.exceptions(std::ios::badbit);  // an Error of the file passes through the stream
    write(out);
    buffer.flush();
    file.commit();
  });
}

std::string json_line(const Json& document) { return documents::json_text(document); }

void expect_json_writable(const fs::path& path, const std::string& summary) {
  with_summary(path, summary, [&] {
    AtomicFile file(path);
    file.write(std::as_bytes(std::span(std::string_view("{}\n"))));
  });
}

}  // namespace sapiens::cli
