#include "kernels/select.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sapiens/error.hpp"

namespace sapiens {

// Each kernel file for other instructions exports exactly one symbol: a function that overwrites
// the entries it can improve.
namespace kernels {
void install_reference(KernelTable&) noexcept;
#ifdef SAPIENS_KERNELS_X86
void install_avx2(KernelTable&) noexcept;
void install_avx2_vnni(KernelTable&) noexcept;
void install_avx512(KernelTable&) noexcept;
void install_avx512_vnni(KernelTable&) noexcept;
void install_avx512_bf16(KernelTable&) noexcept;
void install_avx512_bf16_attention(KernelTable&) noexcept;
void install_amx(KernelTable&) noexcept;
#endif
}  // namespace kernels

namespace {

struct Part {
  std::string_view level;
  bool (*runs_on)(const CpuFeatures&);
  void (*install)(KernelTable&) noexcept;
};

// Ordered slowest first. A part overrides the entries of the parts before it. The first part of a
// level is what the level requires; the others are added where the CPU supports more.
constexpr Part kParts[] = {
    {"reference", [](const CpuFeatures&) { return true; }, kernels::install_reference},
#ifdef SAPIENS_KERNELS_X86
    {"avx2", [](const CpuFeatures& cpu) { return cpu.avx2; }, kernels::install_avx2},
    {"avx2", [](const CpuFeatures& cpu) { return cpu.avx_vnni; }, kernels::install_avx2_vnni},
    {"avx512", [](const CpuFeatures& cpu) { return cpu.avx512; }, kernels::install_avx512},
    {"avx512", [](const CpuFeatures& cpu) { return cpu.avx512_vnni; },
     kernels::install_avx512_vnni},
    {"avx512", [](const CpuFeatures& cpu) { return cpu.fast_bf16; }, kernels::install_avx512_bf16},
    {"avx512", [](const CpuFeatures& cpu) { return cpu.fast_bf16; },
     kernels::install_avx512_bf16_attention},
    {"amx", [](const CpuFeatures& cpu) { return cpu.amx; }, kernels::install_amx},
#endif
};

std::vector<std::string_view> levels_where(bool (*wanted)(const Part&, const CpuFeatures&),
                                           const CpuFeatures& cpu) {
  std::vector<std::string_view> names;
  for (const Part& part : kParts) {
    const bool is_new = names.empty() || names.back() != part.level;
    if (is_new && wanted(part, cpu)) names.push_back(part.level);
  }
  return names;
}

void expect_level(const CpuFeatures& cpu, std::string_view ceiling, std::string_view asked_by) {
  const auto known = levels_where([](const Part&, const CpuFeatures&) { return true; }, cpu);
  const auto available = available_levels(cpu);
  const auto contains = [&](const auto& names) {
    return std::find(names.begin(), names.end(), ceiling) != names.end();
  };
  if (!contains(known)) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "unknown instruction-set level",
                                             .option = std::string(asked_by),
                                             .expected = fmt::format("{}", fmt::join(known, ", ")),
                                             .actual = std::string(ceiling)});
  }
  if (!contains(available)) {
    throw Error(ErrorCode::UnsupportedHardware,
                {.summary = "this CPU cannot run the requested instruction set",
                 .option = std::string(asked_by),
                 .expected = std::string(ceiling),
                 .actual = fmt::format("{}", fmt::join(available, "+")),
                 .hint = "leave it out to use the best this CPU has"});
  }
}

}  // namespace

SelectedKernels select_kernels(const CpuFeatures& cpu, std::string_view ceiling,
                               std::string_view asked_by) {
  if (!ceiling.empty()) expect_level(cpu, ceiling, asked_by);
  SelectedKernels selected;
  selected.table.l2_bytes = cpu.l2_bytes;
  std::string_view level;
  for (const Part& part : kParts) {
    if (part.level != level && !level.empty() && level == ceiling) break;
    level = part.level;
    if (part.runs_on(cpu)) part.install(selected.table);
  }
  std::vector<std::string_view> levels = available_levels(cpu);
  if (!ceiling.empty())
    levels.erase(std::find(levels.begin(), levels.end(), ceiling) + 1, levels.end());
  selected.levels = fmt::format("{}", fmt::join(levels, "+"));
  return selected;
}

std::vector<std::string_view> available_levels(const CpuFeatures& cpu) {
  return levels_where([](const Part& part, const CpuFeatures& c) { return part.runs_on(c); }, cpu);
}

}  // namespace sapiens
