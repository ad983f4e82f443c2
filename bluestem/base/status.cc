#include "bluestem/base/status.h"

namespace bluestem {

const char* CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kInternal: return "internal";
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kInvalidData: return "invalid_data";
    case Code::kUnsupported: return "unsupported";
    case Code::kIo: return "io";
    case Code::kUnavailable: return "unavailable";
    case Code::kMismatch: return "mismatch";
    case Code::kInterrupted: return "interrupted";
  }
  return "unknown";
}

}  // namespace bluestem
