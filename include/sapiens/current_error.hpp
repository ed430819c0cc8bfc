#pragma once

#include "sapiens/error.hpp"

namespace sapiens {

/// Converts the exception that is being handled to an `Error`; call it inside of `catch (...)`.
/// std::bad_alloc, std::length_error and a failure to start a thread become OutOfResources, and the
/// text says what memory the process has and may have. Other exceptions become Internal.
Error current_error();

}  // namespace sapiens
