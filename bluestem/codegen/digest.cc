#include "bluestem/codegen/digest.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "bluestem/base/check.h"

namespace bluestem::codegen {

std::string Sha256(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const int ok = EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  BLUESTEM_CHECK(ok == 1 && size == 32, "SHA-256 is part of every OpenSSL");
  return fmt::format("{:02x}", fmt::join(digest, digest + size, ""));
}

}  // namespace bluestem::codegen
