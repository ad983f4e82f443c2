// call_source: one call of a Program as C++: its parameters as a constant and its one statement.
#pragma once

#include <string>

#include "bluestem/program/program.h"

namespace bluestem::codegen {

struct CallSource {
  std::string header;     // the family's, "qconv/qconv.h"
  std::string constant;   // "constexpr kernels::QConvParams kCall3 = {...};", or "" for a call
                          // without parameters
  std::string table;      // "QConv" or "FConv" where a kernel is chosen from a table, else ""
  std::string symbol;     // the function where it is the only one ("maxpool_u8"), else ""
  std::string statement;  // "chosen.call3->run(kCall3, {...});"
};

// `index` is the call's place in the Program.
CallSource MakeCallSource(const program::Call& call, size_t index);

}  // namespace bluestem::codegen
