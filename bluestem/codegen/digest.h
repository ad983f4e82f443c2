// digest: SHA-256, as the manifest, the object cache and the tests write it.
#pragma once

#include <string>
#include <string_view>

#include "bluestem/base/file.h"

namespace bluestem::codegen {

// Returns 64 lower-case hexadecimal digits.
std::string Sha256(std::string_view bytes);
std::string Sha256(const Bytes& bytes);

}  // namespace bluestem::codegen
