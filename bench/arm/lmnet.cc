// bench_arm_lmnet FOLDER: writes the artefact of LmnetV1 (1-bit weights, 2-bit activations, random
// constants) for the Arm targets, for bench/arm_insns.sh.
#include "bench/lmnet.h"

#include <cstdio>

#include "bluestem/codegen/codegen.h"

namespace bluestem::bench {
namespace {

Status Write(const Path& folder) {
  codegen::EmitOptions emit;
  for (const char* target : {"aarch64", "armhf"}) {
    emit.targets.push_back(codegen::FindTarget(target));
  }
  emit.provenance_json = R"({"source": "random"})";
  emit.source_root = BLUESTEM_SOURCE_ROOT;
  return codegen::Emit(LmnetProgram(), folder, emit);
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_arm_lmnet FOLDER\n");
    return 2;
  }
  const bluestem::Status status = bluestem::bench::Write(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "bench_arm_lmnet: %s\n", status.message().c_str());
  return status.ok() ? 0 : 2;
}
