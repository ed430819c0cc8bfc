#pragma once

#include "sapiens/error.hpp"

namespace sapiens {

/// For `catch (...)` at the border of a program: the exception that is being handled as an `Error`.
/// OutOfResources for std::bad_alloc, std::length_error and threads that do not start, with the
/// limits that are set for the process; Internal for what nobody expected.
Error current_error();

}  // namespace sapiens
