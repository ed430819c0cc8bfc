#pragma once

namespace sapiens {

/// How often this test program has called `operator new` so far, in any thread.
long allocations() noexcept;

}  // namespace sapiens
