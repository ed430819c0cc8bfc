#pragma once

#include <functional>

namespace sapiens {

/// Called now and then, on the thread of the caller, by what takes long: a server asks in it
/// whether anybody still waits for the result. What it throws ends the work and reaches the caller.
/// It is called often, up to once for every row of an image, so it should be quick.
using StopCheck = std::function<void()>;

}  // namespace sapiens
