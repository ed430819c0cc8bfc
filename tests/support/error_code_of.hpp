#pragma once

#include "sapiens/error.hpp"

namespace sapiens {

/// What `action` throws; Internal if it throws nothing, since no action that is tested should.
ErrorCode error_code_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::Internal;
}

}  // namespace sapiens
