#include "bluestem/core/library.h"

#include <sys/utsname.h>

#include <cstring>

namespace bluestem::core {

Path LibraryPath(const Path& artefact, const std::string& target) {
  return artefact / "models" / "lib" / fmt::format("libbluestem_{}.so", target);
}

Result<Path> HostLibrary(const Path& artefact) {
  const codegen::Target* host = HostTarget();
  if (host == nullptr) {
    return Error(Code::kUnavailable, "{}: no library for this kind of machine", artefact.string());
  }
  const Path library = LibraryPath(artefact, host->name);
  // What is not read need not be hashed: the model alone is often larger than the rest.
  BLUESTEM_RETURN_IF_ERROR(codegen::CheckArtefact(
      artefact, {library.lexically_relative(artefact).string(), "models/meta.yaml"}));
  if (!std::filesystem::exists(library)) {
    return Error(Code::kUnavailable,
                 "{}: the artefact has no library for this machine; convert with --target {}",
                 library.string(), host->name);
  }
  return library;
}

const codegen::Target* HostTarget() {
  struct utsname machine {};
  ::uname(&machine);
  const std::string name = machine.machine;
  std::string target = name == "x86_64" ? "x86-64" : name;
  if (name.rfind("armv7", 0) == 0 || name.rfind("armv8l", 0) == 0) target = "armhf";
  return codegen::FindTarget(target);
}

}  // namespace bluestem::core
