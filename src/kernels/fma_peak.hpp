#pragma once

#include "core/thread_pool.hpp"
#include "kernels/kernel_table.hpp"

namespace sapiens {

/// The fp32 multiply-adds per second that all threads of `pool` reach together with the table's
/// widest instructions and no memory access, in GFLOPS: the ceiling of every kernel. The best of a
/// few runs, about 0.2 s altogether.
double fma_peak_gflops(const KernelTable& kernels, const ThreadPool& pool);

}  // namespace sapiens
