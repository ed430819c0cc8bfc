#include "kernels/select.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "sapiens/error.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

std::optional<Error> error_of(const CpuFeatures& cpu, std::string_view ceiling,
                              std::string_view asked_by = "isa") {
  try {
    select_kernels(cpu, ceiling, asked_by);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

ErrorCode code_of(const CpuFeatures& cpu, std::string_view ceiling) {
  const std::optional<Error> error = error_of(cpu, ceiling);
  return error ? error->code() : ErrorCode::Internal;
}

TEST(Select, FallsBackToTheReferenceOnAnOldCpu) {
  EXPECT_EQ(select_kernels(CpuFeatures{}).levels, "reference");
}

TEST(Select, StopsAtTheCeiling) {
  const CpuFeatures cpu = CpuFeatures::detect();
  EXPECT_EQ(select_kernels(cpu, "reference").levels, "reference");
  if (!cpu.avx2) GTEST_SKIP() << "this CPU has no avx2";
  EXPECT_EQ(select_kernels(cpu, "avx2").levels, "reference+avx2");
}

TEST(Select, RefusesALevelTheCpuLacks) {
  if (available_levels(CpuFeatures{.avx2 = true}).size() < 2) GTEST_SKIP() << "not an x86 build";
  EXPECT_EQ(code_of({.avx2 = true}, "avx512"), ErrorCode::UnsupportedHardware);
}

TEST(Select, RefusesAnUnknownLevel) {
  EXPECT_EQ(code_of(CpuFeatures::detect(), "sse9"), ErrorCode::InvalidArgument);
}

TEST(Select, ARefusalNamesWhoAskedForTheLevel) {
  const CpuFeatures none;
  EXPECT_EQ(error_of(none, "sse9").value().detail().key, "isa");
  EXPECT_EQ(error_of(none, "sse9", "SAPIENS_ISA").value().detail().key, "SAPIENS_ISA");
}

TEST(L2Cache, IsReadFromTheSystem) {
  const Scratch scratch;
  const auto caches = scratch / "sys/devices/system/cpu/cpu0/cache";
  const auto describe = [&](int index, const char* level, const char* size, const char* shared) {
    const auto folder = std::filesystem::path(caches) / ("index" + std::to_string(index));
    write_bytes(folder / "level", level);
    write_bytes(folder / "size", size);
    write_bytes(folder / "shared_cpu_list", shared);
  };
  const auto found = [&] { return l2_bytes_per_thread(7, scratch.path()); };
  EXPECT_EQ(found(), 7);
  describe(0, "1\n", "32K\n", "0\n");
  EXPECT_EQ(found(), 7);
  describe(2, "2\n", "512K\n", "0\n");
  EXPECT_EQ(found(), 512 << 10);
  describe(2, "2\n", "512K\n", "0,64\n");
  EXPECT_EQ(found(), 256 << 10);
  describe(2, "2\n", "2M\n", "0-3\n");
  EXPECT_EQ(found(), 512 << 10);
  for (const char* list : {"", "x", "3-0", "0-99999999999999999999", "-"}) {
    describe(2, "2\n", "512K\n", list);
    EXPECT_EQ(found(), 512 << 10) << list;
  }
  for (const char* size : {"", "K", "-512K", "512", "1T", "9223372036854775807M"}) {
    describe(2, "2\n", size, "0\n");
    EXPECT_EQ(found(), 7) << size;
  }
}

TEST(L2Cache, OfThisCpuIsTheOneOfTheKernels) {
  CpuFeatures cpu = CpuFeatures::detect();
  EXPECT_GE(cpu.l2_bytes, 1 << 14);
  cpu.l2_bytes = 12345;
  EXPECT_EQ(select_kernels(cpu, "reference").table.l2_bytes, 12345);
}

}  // namespace
}  // namespace sapiens
