// PreparedConv: one convolution of a Program, prepared for its weights and thresholds by something
// that is no row of a kernel table. Gives the bits of the reference like every row.
//
// Threads: belongs to one session, and so to one thread at a time; Run uses the workers it is
// given. Ownership: owns what it made of the constants; does not need them later.
#pragma once

#include <cstddef>

#include "bluestem/edge/conv_parts.h"
#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::runtime {

class PreparedConv {
 public:
  virtual ~PreparedConv() = default;
  virtual const char* symbol() const = 0;
  // What each worker needs, a multiple of 64.
  virtual size_t scratch_bytes() const = 0;
  // Reads args.x and writes args.y, whatever their alignment; takes nothing else of args. Requires:
  // as many workers as it was prepared for.
  virtual void Run(const kernels::QConvArgs& args, const edge::Workers& workers) = 0;
};

}  // namespace bluestem::runtime
