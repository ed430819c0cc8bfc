#pragma once

namespace sapiens {

/// To be called in `catch (...)` of a function that calls OpenCV: rethrows the exception, as an
/// `Error` where it is OpenCV's own. OutOfResources with the amount where memory ran out or a
/// thread of its pool did not start; Internal for anything else.
[[noreturn]] void rethrow_from_opencv();

}  // namespace sapiens
