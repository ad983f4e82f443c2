// BLUESTEM_CHECK: an invariant of ours. A failure is a defect in Bluestem, prints where and what,
// and aborts. What a user can cause is a Status (base/status.h).
#pragma once

namespace bluestem {

// Prints "FILE:LINE: check failed: CONDITION: MESSAGE" and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const char* message);

}  // namespace bluestem

// A macro because it needs the place and the text of the condition.
#define BLUESTEM_CHECK(condition, message)                                                \
  do {                                                                                    \
    if (!(condition)) ::bluestem::CheckFailed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
