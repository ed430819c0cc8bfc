#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string_view>

#include "sapiens/error.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` naming `what` unless the numbers agree.
inline void expect_count(std::string_view what, std::size_t wanted, std::size_t there_are) {
  if (there_are == wanted) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} differ in number from what they are compared with", what),
               .expected = fmt::format("{}", wanted),
               .actual = fmt::format("{}", there_are)});
}

}  // namespace sapiens
