// Every fconv kernel function, for fconv's table. A kernel of another architecture is null here, so
// that the table has the same rows everywhere.
#pragma once

#include "bluestem/kernels/fconv/fconv.h"

namespace bluestem::kernels {

void fconv_f32__reference(const FConvParams& params, const FConvArgs& args);
void fconv_f32_co8__portable(const FConvParams& params, const FConvArgs& args);

}  // namespace bluestem::kernels
