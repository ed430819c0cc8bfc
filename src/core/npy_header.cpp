#include "core/npy_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <optional>

#include "sapiens/error.hpp"

// A .npy file: "\x93NUMPY", major and minor version, length of the header (16 bits in version 1, 32
// bits later), and the header: a Python dictionary in ASCII (UTF-8 in version 3) such as
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 1024, 1024), }
namespace sapiens {
namespace {

using namespace std::string_view_literals;

constexpr auto kMagic = "\x93NUMPY"sv;

// NumPy's own limit is 10000 bytes for headers it does not trust.
constexpr std::uint32_t kMaxHeaderBytes = 10000;

// NumPy's NPY_MAXDIMS in version 2.
constexpr std::size_t kMaxAxes = 64;

/// Reads the literals that NumPy writes, and nothing else of Python.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& source)
      : whole_(text), rest_(text), source_(source) {}

  NpyHeader parse() {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<Index>> shape;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !descr) {
        descr = this->descr();
      } else if (key == "fortran_order" && !fortran_order) {
        fortran_order = boolean();
      } else if (key == "shape" && !shape) {
        shape = tuple();
      } else {
        fail(fmt::format("an unknown or repeated key \"{}\"", key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!rest_.empty()) fail("text behind the closing brace");
    if (!descr || !fortran_order || !shape) fail("descr, fortran_order or shape is missing");
    return {*std::move(descr), *fortran_order, *std::move(shape)};
  }

 private:
  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  bool accept(char wanted) {
    skip_space();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted)) fail(fmt::format("`{}` expected", wanted));
  }

  std::string string() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') fail("a quoted string expected");
    const std::size_t end = rest_.find(quote, 1);
    const std::string_view text = rest_.substr(1, end == rest_.npos ? end : end - 1);
    if (end == rest_.npos || text.find('\\') != text.npos) fail("a string without end");
    rest_.remove_prefix(end + 1);
    return std::string(text);
  }

  std::string descr() {
    if (!accept('[')) return string();
    throw Error(ErrorCode::UnsupportedFormat, {.summary = "the array's elements are structured",
                                               .file = source_,
                                               .expected = "little-endian float32 (<f4)",
                                               .hint = "save one field of it, as float32"});
  }

  bool boolean() {
    skip_space();
    for (const auto& [name, value] : {std::pair{"True"sv, true}, std::pair{"False"sv, false}}) {
      if (!rest_.starts_with(name)) continue;
      rest_.remove_prefix(name.size());
      return value;
    }
    fail("True or False expected");
  }

  std::vector<Index> tuple() {
    std::vector<Index> values;
    expect('(');
    while (!accept(')')) {
      values.push_back(integer());
      if (values.size() > kMaxAxes) fail("too many axes");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  Index integer() {
    skip_space();
    Index value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) fail("a length of at least 0 expected");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    if (rest_.starts_with('L')) rest_.remove_prefix(1);  // a long of Python 2
    return value;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the array's header cannot be parsed",
                 .file = source_,
                 .actual = fmt::format("{} at character {}", what, whole_.size() - rest_.size())});
  }

  std::string_view whole_;
  std::string_view rest_;
  const std::string& source_;
};

}  // namespace

NpyHeader read_npy_header(ByteReader& in) {
  if (in.remaining() < kMagic.size() || in.text(kMagic.size()) != kMagic) {
    throw Error(ErrorCode::UnsupportedFormat, {.summary = "not a NumPy .npy file",
                                               .file = in.source(),
                                               .hint = "write it with np.save(path, array)"});
  }
  const int major = in.u8();
  const int minor = in.u8();
  if (major < 1 || major > 3) {
    throw Error(ErrorCode::UnsupportedFormat, {.summary = "an unknown version of the .npy format",
                                               .file = in.source(),
                                               .expected = "1.0, 2.0 or 3.0",
                                               .actual = fmt::format("{}.{}", major, minor)});
  }
  const std::uint32_t length = major == 1 ? in.u16() : in.u32();
  if (length > kMaxHeaderBytes) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the array's header is too long",
                 .file = in.source(),
                 .expected = fmt::format("at most {} bytes", kMaxHeaderBytes),
                 .actual = fmt::format("{} bytes", length)});
  }
  return HeaderParser(in.text(length), in.source()).parse();
}

std::string write_npy_header(const NpyHeader& header) {
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kBeforeDictionary = kMagic.size() + 4;
  std::string shape = fmt::format("{}", fmt::join(header.shape, ", "));
  if (header.shape.size() == 1) shape += ',';  // a tuple of one, not a number in parentheses
  std::string dictionary =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}", header.descr,
                  header.fortran_order ? "True" : "False", shape);
  const std::size_t used = kBeforeDictionary + dictionary.size() + 1;
  dictionary.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  dictionary += '\n';

  std::string bytes(kMagic);
  bytes += '\1';
  bytes += '\0';
  bytes += static_cast<char>(dictionary.size() & 0xff);
  bytes += static_cast<char>(dictionary.size() >> 8);
  return bytes + dictionary;
}

}  // namespace sapiens
