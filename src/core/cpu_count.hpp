#pragma once

#include <filesystem>

namespace sapiens {

/// The number of threads that can run at once in this process: the size of the affinity mask,
/// limited by the CPU quota of the control group (v1 or v2) and of its ancestors. At least 1.
/// `root` replaces "/" where `/proc/self/cgroup` and `/sys/fs/cgroup` are read.
int usable_cpus(const std::filesystem::path& root = "/");

}  // namespace sapiens
