#pragma once

namespace sapiens {

/// From now on, in this thread, `operator new` of program and libraries works `count` times and
/// then throws std::bad_alloc until `allocate_again` is called.
void fail_after_allocations(long count) noexcept;
void allocate_again() noexcept;

}  // namespace sapiens
