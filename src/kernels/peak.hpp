#pragma once

#include "core/thread_pool.hpp"
#include "kernels/kernel_table.hpp"
#include "sapiens/machine.hpp"

namespace sapiens {

/// The operations per second that all threads of `pool` reach together in `loop`, in 1e9: the
/// ceiling of every kernel of that arithmetic. The best of 30 short runs, 0.4 s
/// altogether: other programs can only lower it.
double peak_gops(PeakLoop loop, const ThreadPool& pool);

/// Bytes per second that all threads read together from memory far larger than the caches, in 1e9.
/// The best of a few passes over 256 MB.
double memory_gbytes_per_second(const ThreadPool& pool);

/// All of these, for the loops that `kernels` has.
MachineCeilings measure_ceilings(const KernelTable& kernels, const ThreadPool& pool);

}  // namespace sapiens
