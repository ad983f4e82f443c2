// kernel_choice: which row of a kernel table a call runs on a CPU, and why not the rows before it.
// What --explain, inspect and profile say; asks the tables, as a session does when it is created,
// but for any CPU: a row of another architecture has no function here, its predicate is the same.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/program/program.h"

namespace bluestem::program {

// A kind of CPU that a library chooses kernels for.
struct CpuLevel {
  const char* name;  // of its best instruction set
  kernels::IsaSet isas;
  bool x86, aarch64, armhf;  // the machines that it is a level of
};

// Returns "avx2, sse4, portable, reference": most capable first.
std::string IsaNames(kernels::IsaSet isas);

// The levels, best first.
const std::vector<CpuLevel>& CpuLevels();

struct Refusal {
  std::string kernel;
  std::string reason;
};

struct KernelChoice {
  std::string kernel;  // the symbol; empty for a family of one function
  kernels::Isa isa = kernels::Isa::kReference;
  std::vector<Refusal> refusals;  // of the rows before it that such a CPU has
};

KernelChoice ChooseKernel(const CallParams& params, kernels::IsaSet isas);

// Returns "avx2: qconv_u4s1_lut32__avx2; ...": the choice at each level, with the refusals before
// it. Empty for a family of one function.
std::string ChoicesText(const CallParams& params);

// Returns why the call runs on the slow reference kernel where such a CPU is asked, or "" where it
// does not.
std::string WhyReference(const CallParams& params, kernels::IsaSet isas);

}  // namespace bluestem::program
