// digest: SHA-256, as the manifest, the object cache and the tests write it.
#pragma once

#include <string>
#include <string_view>

namespace bluestem::codegen {

// Returns 64 lower-case hexadecimal digits.
std::string Sha256(std::string_view bytes);

}  // namespace bluestem::codegen
