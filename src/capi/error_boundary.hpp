#pragma once

#include <new>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/sapiens.h"

namespace sapiens::capi {

/// Thrown by the progress function that `progress_of` makes, when the caller's asks to stop.
struct Cancelled {};

/// A C function and what it is to be handed, as the C++ API takes it; empty for NULL.
Progress progress_of(sapiens_progress function, void* user_data);

/// Throws InvalidArgument about the argument or field `name`.
[[noreturn]] void refuse(const char* summary, const char* name, std::string expected,
                         std::string actual);

/// Throws InvalidArgument for a NULL that may not be one; `name` is the argument's. Here, so that
/// who reads only this file, such as clang-tidy, sees that nothing behind it is NULL.
inline void require(const void* pointer, const char* name) {
  if (!pointer) refuse("an argument is missing", name, "a pointer", "NULL");
}

/// The status of the exception that is being handled; with `error`, what it says as an object.
sapiens_status status_from_exception(sapiens_error** error) noexcept;

/// Runs the body of a C function: whatever it throws stays inside.
template <typename Body>
sapiens_status guarded(sapiens_error** error, const Body& body) noexcept {
  if (error) *error = nullptr;
  try {
    body();
    return SAPIENS_OK;
  } catch (...) {
    return status_from_exception(error);
  }
}

/// The same for a function that returns a handle, which `make` returns as a std::unique_ptr.
template <typename Handle, typename Make>
sapiens_status create_handle(Handle** out, const char* name, sapiens_error** error,
                             const Make& make) noexcept {
  if (out) *out = nullptr;
  return guarded(error, [&] {
    require(out, name);
    *out = make().release();
  });
}

}  // namespace sapiens::capi
