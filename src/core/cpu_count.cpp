#include "core/cpu_count.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace sapiens {
namespace {

namespace fs = std::filesystem;

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

double ratio(double quota, double period) {
  return quota > 0 && period > 0 ? quota / period : kNoLimit;
}

// Reads the quota of cgroup v2: "max 100000" or "150000 100000".
double quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period ? ratio(quota, period) : kNoLimit;
}

// Reads the quota of cgroup v1, where -1 stands for no limit.
double quota_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? ratio(quota, period) : kNoLimit;
}

// The smallest quota of a group and all its ancestors. Inside a container the named group may not
// be mounted; then its nearest existing ancestor, the mount point itself, holds the limit.
double tightest(const fs::path& mount, const std::string& group, double (*quota)(const fs::path&)) {
  double limit = quota(mount);
  fs::path at = mount;
  for (const fs::path& part : fs::path(group).relative_path()) {
    at /= part;
    limit = std::min(limit, quota(at));
  }
  return limit;
}

bool names_cpu(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

// Lines of /proc/self/cgroup: "0::/group" (v2) or "1:cpu,cpuacct:/group" (v1).
double cgroup_limit(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::ifstream file(root / "proc/self/cgroup");
  double limit = kNoLimit;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      limit = std::min(limit, tightest(mount, group, quota_v2));
    } else if (names_cpu(controllers)) {
      limit = std::min(limit, tightest(mount / controllers, group, quota_v1));
      limit = std::min(limit, tightest(mount / "cpu", group, quota_v1));
    }
  }
  return limit;
}

}  // namespace

int usable_cpus(const fs::path& root) {
  const double cpus = std::min<double>(affinity_cpus(), std::ceil(cgroup_limit(root)));
  return std::max(1, static_cast<int>(cpus));
}

}  // namespace sapiens
