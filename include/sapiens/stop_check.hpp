#pragma once

#include <functional>

namespace sapiens {

/// Called regularly by long computations, on the thread of the caller, so that they can be
/// cancelled: an exception that it throws stops the work and reaches the caller. A server, for
/// example, checks here whether the client is still connected. It is called up to once per row of
/// an image, so it must be fast.
using StopCheck = std::function<void()>;

}  // namespace sapiens
