#pragma once

#include <filesystem>

namespace sapiens {

/// How many threads can really run at once in this process: the affinity mask, cut down to the CPU
/// quota of the control group (v1 or v2) or of any group above it. At least 1.
/// `root` stands in for "/" where `/proc/self/cgroup` and `/sys/fs/cgroup` are read.
int usable_cpus(const std::filesystem::path& root = "/");

}  // namespace sapiens
