#include "kernels/select.hpp"

#include "sapiens/error.hpp"

namespace sapiens {

// Each ISA folder exports exactly one symbol: a function that overwrites the entries it can
// improve.
namespace kernels {
void install_reference(KernelTable&) noexcept;
#ifdef SAPIENS_KERNELS_X86
void install_avx2(KernelTable&) noexcept;
void install_avx512(KernelTable&) noexcept;
#endif
}  // namespace kernels

namespace {

struct Level {
  std::string_view name;
  bool (*runs_on)(const CpuFeatures&);
  void (*install)(KernelTable&) noexcept;
};

// Slowest first. A level inherits what the previous ones left behind.
constexpr Level kLevels[] = {
    {"reference", [](const CpuFeatures&) { return true; }, kernels::install_reference},
#ifdef SAPIENS_KERNELS_X86
    {"avx2", [](const CpuFeatures& cpu) { return cpu.avx2; }, kernels::install_avx2},
    {"avx512", [](const CpuFeatures& cpu) { return cpu.avx512; }, kernels::install_avx512},
#endif
};

}  // namespace

SelectedKernels select_kernels(const CpuFeatures& cpu, std::string_view ceiling) {
  SelectedKernels selected;
  std::string known;
  for (const auto& [name, runs_on, install] : kLevels) {
    if (!known.empty()) known += ", ";
    known += name;
    if (runs_on(cpu)) {
      install(selected.table);
      if (!selected.levels.empty()) selected.levels += '+';
      selected.levels += name;
    } else if (name == ceiling) {
      throw Error(ErrorCode::UnsupportedHardware,
                  {.summary = "this CPU cannot run the requested instruction set",
                   .key = "SAPIENS_ISA",
                   .expected = std::string(ceiling),
                   .actual = selected.levels,
                   .hint = "leave it out to use the best this CPU has"});
    }
    if (name == ceiling) return selected;
  }
  if (!ceiling.empty()) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "unknown instruction-set level",
                                             .key = "SAPIENS_ISA",
                                             .expected = known,
                                             .actual = std::string(ceiling)});
  }
  return selected;
}

std::vector<std::string_view> available_levels(const CpuFeatures& cpu) {
  std::vector<std::string_view> names;
  for (const Level& level : kLevels) {
    if (level.runs_on(cpu)) names.push_back(level.name);
  }
  return names;
}

}  // namespace sapiens
