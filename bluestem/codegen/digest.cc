#include "bluestem/codegen/digest.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "bluestem/base/check.h"

namespace bluestem::codegen {

std::string Sha256(std::string_view bytes) {
  // The system's openssl.cnf can only add providers, and takes longer to read than the digest.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const int ok = EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  BLUESTEM_CHECK(ok == 1 && size == 32, "SHA-256 is part of every OpenSSL");
  return fmt::format("{:02x}", fmt::join(digest, digest + size, ""));
}

std::string Sha256(const Bytes& bytes) {
  return Sha256(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace bluestem::codegen
