#include "kernels/select.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "sapiens/error.hpp"

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

}  // namespace
}  // namespace sapiens
