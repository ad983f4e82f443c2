// Status and Result<T>: how "the user's world is wrong" travels. Returned, never thrown across a
// module's edge.
//
// A message names the place, the value, what is allowed and what to do next:
//   config.yaml:14:11: network.activation.bits: got 3; expected 1, 2, 4 or 8
// Our own mistakes are BLUESTEM_CHECK (base/check.h), not a Status.
//
// Threads: values; safe to move between threads. Ownership: a Status owns its message.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <utility>

#include "bluestem/base/check.h"

namespace bluestem {

// The kind of failure. The number is the exit code of a command that ends with it
// (docs/formats/exit_codes.md).
enum class Code {
  kOk = 0,
  kInternal = 1,         // a defect of ours that was caught (a library's exception, say)
  kInvalidArgument = 2,  // command line or configuration
  kInvalidData =
      3,  // images, datasets, models or artefacts that cannot be read as what they claim to be
  kUnsupported = 4,  // well formed, but outside what Bluestem can do; names the op, value or field
  kIo = 5,           // missing file, permission, full disk
  kUnavailable = 6,  // a compiler, package or device that is not installed here
  kMismatch = 7,     // two results that must be equal are not
  kInterrupted = 130,  // Ctrl-C or SIGTERM; what was finished is saved
};

// Returns the stable lower-case name of `code` ("invalid_argument"), as it stands in --json output.
const char* CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // Returns the same failure with `place` and ": " before the message; an ok Status stays ok.
  Status At(const std::string& place) const {
    return ok() ? *this : Status(code_, place + ": " + message_);
  }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

inline Status OkStatus() {
  return {};
}

// Error(Code::kIo, "{}: cannot open: {}", path, reason)
template <typename... Args>
Status Error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}

// Either a value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    BLUESTEM_CHECK(!status_.ok(), "a Result without a value needs a failure");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  // Requires: ok().
  T& value() & {
    BLUESTEM_CHECK(ok(), status_.message().c_str());
    return *value_;
  }
  const T& value() const& {
    BLUESTEM_CHECK(ok(), status_.message().c_str());
    return *value_;
  }
  T&& value() && {
    BLUESTEM_CHECK(ok(), status_.message().c_str());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace bluestem

#define BLUESTEM_CONCAT_INNER(a, b) a##b
#define BLUESTEM_CONCAT(a, b) BLUESTEM_CONCAT_INNER(a, b)

// Macros because only a macro can return from its caller.
#define BLUESTEM_RETURN_IF_ERROR(expression)           \
  do {                                                 \
    ::bluestem::Status bluestem_status = (expression); \
    if (!bluestem_status.ok()) return bluestem_status; \
  } while (false)

// BLUESTEM_ASSIGN_OR_RETURN(auto graph, Load(path));
#define BLUESTEM_ASSIGN_OR_RETURN(declaration, expression)                                  \
  BLUESTEM_ASSIGN_OR_RETURN_INNER(BLUESTEM_CONCAT(bluestem_result_, __LINE__), declaration, \
                                  expression)
#define BLUESTEM_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                            \
  if (!result.ok()) return result.status();                              \
  declaration = std::move(result).value()
