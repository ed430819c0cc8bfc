#include "core/cpu_count.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sapiens {
namespace {

namespace fs = std::filesystem;

// A directory that stands in for "/".
class CpuCount : public testing::Test {
 protected:
  void SetUp() override {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / (std::string("sapiens_cpu_count_") + test->name());
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  int usable() const { return usable_cpus(root_); }

 private:
  fs::path root_;
};

TEST_F(CpuCount, IsTheAffinityMaskWithoutControlGroups) {
  EXPECT_GE(usable(), 1);
  EXPECT_EQ(usable(), usable_cpus("/no/such/root"));
}

TEST_F(CpuCount, KeepsToTheQuotaOfVersion2) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("sys/fs/cgroup/outer/inner/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable(), 1);
}

TEST_F(CpuCount, KeepsToTheQuotaOfAnOuterGroup) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("sys/fs/cgroup/outer/cpu.max", "50000 100000\n");
  write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_EQ(usable(), 1);
}

TEST_F(CpuCount, KeepsToTheQuotaOfVersion1) {
  write("proc/self/cgroup", "4:memory:/a\n3:cpu,cpuacct:/a\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "20000\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable(), 1);
}

TEST_F(CpuCount, TakesMaxAndMinusOneForNoLimit) {
  write("proc/self/cgroup", "0::/\n1:cpu:/\nnonsense\n");
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable(), usable_cpus("/no/such/root"));
}

}  // namespace
}  // namespace sapiens
