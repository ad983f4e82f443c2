// The kernel tests, and that of what a board does for its FPGA, without gtest, for CPUs that are
// not the build machine's: cross.sh compiles this statically and runs it under an emulator; it can
// also be copied to a device and run there.
//
//   kernels_cross [ISA]...     all rows that this CPU has, or those of the ISAs named
//
// Prints each failure and "N passed, N failed"; exits 1 if any failed, 2 if an ISA named is unknown
// or this CPU does not have it.
#include <cstdio>

#include "bluestem/edge/cpu_features.h"
#include "tests/fpga/windows_check.h"
#include "tests/kernels/conv_cases.h"
#include "tests/kernels/value_checks.h"

namespace bluestem::kernels {
namespace {

struct Tally {
  int passed = 0;
  int failed = 0;
  void Add(const std::string& difference, const std::string& what) {
    if (difference.empty()) {
      ++passed;
      return;
    }
    ++failed;
    std::printf("FAILED %s: %s\n", what.c_str(), difference.c_str());
  }
};

// Calls check(kernel, params, seed, ...), whole and in parts, for every row of a table and every
// case that it takes.
template <typename Kernel, typename Params, typename Check>
void RunTable(const Kernel* rows, int32_t count, const std::vector<Params>& cases, IsaSet isas,
              const Check& check, Tally& tally) {
  for (int32_t i = 0; i < count; ++i) {
    const Kernel& kernel = rows[i];
    if (kernel.run == nullptr || (isas & IsaBit(kernel.isa)) == 0) continue;
    const Tally before = tally;
    uint64_t seed = 0;
    for (const Params& params : cases) {
      ++seed;
      if (kernel.refuses(params) != nullptr) continue;
      for (const int32_t parts : {1, seed % 2 == 0 ? 2 : 3}) {
        tally.Add(
            check(kernel, params, seed, seed % 4, parts),
            std::string(kernel.symbol) + " " + Describe(params) + " in " + std::to_string(parts));
      }
    }
    std::printf("%-36s %d passed, %d failed\n", kernel.symbol, tally.passed - before.passed,
                tally.failed - before.failed);
  }
}

int Main(int argc, char** argv) {
  IsaSet isas = edge::CpuIsas();
  if (argc > 1) isas = 0;
  for (int i = 1; i < argc; ++i) {
    const IsaSet implied = edge::IsaSetFromName(argv[i]);
    if (implied == 0 || (implied & ~edge::CpuIsas()) != 0) {
      std::printf("%s: %s\n", argv[i], implied == 0 ? "no such ISA" : "this CPU does not have it");
      return 2;
    }
    isas |= IsaBit(edge::BestIsa(implied));
  }
  Tally tally;
  const auto check_qconv = [](const QConvKernel& kernel, const QConvParams& params, uint64_t seed,
                              size_t misalignment, int32_t parts) {
    return CheckQConv(kernel, params, seed, misalignment, parts);
  };
  RunTable(kQConvKernels, kQConvKernelCount, QConvCases(), isas, check_qconv, tally);
  RunTable(kFConvKernels, kFConvKernelCount, FConvCases(), isas, CheckFConv, tally);
  tally.Add(CheckValueBits(), "elementwise");
  tally.Add(fpga::CheckWindows(), "windows for the FPGA's engine");
  std::printf("%d passed, %d failed\n", tally.passed, tally.failed);
  return tally.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bluestem::kernels

int main(int argc, char** argv) {
  return bluestem::kernels::Main(argc, argv);
}
