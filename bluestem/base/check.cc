#include "bluestem/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace bluestem {

void CheckFailed(const char* file, int line, const char* condition, const char* message) {
  std::fprintf(stderr,
               "%s:%d: check failed: %s: %s\nThis is a defect in Bluestem; please report it with "
               "this line.\n",
               file, line, condition, message);
  std::abort();
}

}  // namespace bluestem
