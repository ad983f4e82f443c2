// conv_cases: the shapes that every convolution kernel is tested with, and the checks. Without
// gtest, so that the cross-compiled runner (cross_main.cpp) does the same as the test program.
#pragma once

#include <string>
#include <vector>

#include "bluestem/kernels/fconv/fconv.h"
#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::kernels {

// Returns shapes around the vector width: channels, map sizes, kernels, strides, dilations, groups,
// bits of codes and weights, all epilogues. Deterministic.
std::vector<QConvParams> QConvCases();
std::vector<FConvParams> FConvCases();
// The nine shapes that bench_peers measures: 2-bit codes, 1-bit weights, codes out.
std::vector<QConvParams> QConvBenchCases();

// "3x3 s2 d1 g1 [5,7,33]->[3,4,31] u2 w1 threshold/4"
std::string Describe(const QConvParams& params);
std::string Describe(const FConvParams& params);

// Runs one kernel on random data and compares it, bit for bit, with the definition in qconv.h
// written down independently of packing. Returns "" or what differs. `misalignment` shifts x and,
// as far as its type allows, y. With `parts` above 1 it runs that many parts, the last first.
// They are of outputs where `outputs` says so.
std::string CheckQConv(const QConvKernel& kernel, const QConvParams& params, uint64_t seed,
                       size_t misalignment, int32_t parts, bool outputs = false);
// Does so, as one part and as two, for each row of the table that `isas` has and that takes
// `params`, with data made once; names the row that differs. The two parts are of outputs where a
// session would cut those. The reference runs whole only.
std::string CheckQConvRows(const QConvParams& params, uint64_t seed, IsaSet isas);
std::string CheckFConv(const FConvKernel& kernel, const FConvParams& params, uint64_t seed,
                       size_t misalignment, int32_t parts);

}  // namespace bluestem::kernels
