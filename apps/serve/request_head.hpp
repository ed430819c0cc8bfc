#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sapiens::serve {

inline constexpr std::size_t kMaxHeadBytes = 64 << 10;
inline constexpr std::size_t kMaxLineBytes = 8 << 10;
inline constexpr std::size_t kMaxHeaders = 100;

/// The request line and the headers of a request, as they were sent: the HTTP library would decode
/// percent signs in values, and reads past much that two readers of one request could understand in
/// two ways.
struct RequestHead {
  std::string method, target, version;
  /// Of the target, decoded, in its order.
  std::vector<std::pair<std::string, std::string>> query = {};
  std::vector<std::pair<std::string, std::string>> headers = {};

  /// The value of a header, whatever its case; several values of a list are joined by commas. Empty
  /// where there is none.
  std::string header(std::string_view name) const;
  bool has(std::string_view name) const;
};

/// Whether two names of headers, schemes or codings are one: letters of ASCII in any case.
bool is_same_name(std::string_view a, std::string_view b) noexcept;

/// `text` without spaces and tabs at its ends.
std::string_view without_blanks(std::string_view text) noexcept;

/// Where the body begins; npos as long as the head has not ended. Lines that end without a carriage
/// return count, so that they are refused at once.
std::size_t end_of_head(std::string_view bytes) noexcept;

/// Reads a whole head by RFC 9112. Throws HttpError: 400 for anything that breaks its rules, that
/// says what may be said once twice, or that gives a body two lengths; 414 for a path that is too
/// long; 417 for an expectation that is not 100-continue.
RequestHead parse_head(std::string_view bytes);

}  // namespace sapiens::serve
