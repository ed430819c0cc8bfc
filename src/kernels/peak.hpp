#pragma once

#include "core/thread_pool.hpp"
#include "kernels/kernel_table.hpp"
#include "sapiens/machine.hpp"

namespace sapiens {

/// The operations per second, in 1e9, that all threads of `pool` reach together in `loop`: the
/// upper bound for every kernel of that arithmetic. It is the best of 30 short runs, 0.4 s in
/// total, because other programs can only lower it.
double peak_gops(PeakLoop loop, const ThreadPool& pool);

/// Bytes per second, in 1e9, that all threads together read from memory far larger than the caches:
/// the best of a few passes over 256 MB.
double memory_gbytes_per_second(const ThreadPool& pool);

/// Measures all of these for the loops that `kernels` has.
MachineCeilings measure_ceilings(const KernelTable& kernels, const ThreadPool& pool);

}  // namespace sapiens
