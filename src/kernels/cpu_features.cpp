#include "kernels/cpu_features.hpp"

#ifdef __x86_64__
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace sapiens {
namespace {
#ifdef __x86_64__

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf cpuid(unsigned leaf, unsigned subleaf) noexcept {
  Leaf r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

constexpr bool bit(unsigned word, int position) noexcept { return (word >> position & 1) != 0; }

// Tiles are 8 KB of state per thread, so Linux saves them only for processes that request it.
bool tiles_granted() noexcept {
#ifdef __linux__
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

CpuFeatures detect_instructions() noexcept {
  CpuFeatures cpu;
  // The builtins check XCR0, too, because the operating system must save the wide registers.
  __builtin_cpu_init();
  const Leaf features = cpuid(7, 0), more = cpuid(7, 1);
  cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             bit(cpuid(1, 0).ecx, 29);  // F16C
  cpu.avx_vnni = cpu.avx2 && bit(more.eax, 4);
  cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
  cpu.avx512_vnni = cpu.avx512 && bit(features.ecx, 11);
  cpu.avx512_bf16 = cpu.avx512 && bit(more.eax, 5);
  // AMD's bf16 dot products run at the rate of fp32 multiply-adds, Intel's at half of it and so
  // gain nothing.
  cpu.fast_bf16 = cpu.avx512_bf16 && __builtin_cpu_is("amd");
  const bool has_amx = bit(features.edx, 24) && bit(features.edx, 22) && bit(features.edx, 25);
  const bool has_vbmi = cpu.avx512 && bit(features.ecx, 1);  // every CPU with AMX has VBMI
  cpu.amx = has_amx && has_vbmi && cpu.avx512_bf16 && cpu.avx512_vnni && tiles_granted();
  return cpu;
}
#else
CpuFeatures detect_instructions() noexcept { return {}; }
#endif

}  // namespace

CpuFeatures CpuFeatures::detect() {
  CpuFeatures cpu = detect_instructions();
  cpu.l2_bytes = l2_bytes_per_thread(cpu.l2_bytes);
  return cpu;
}

}  // namespace sapiens
