// Counts the instructions of one inference of a compiled model: linked with an artefact's static
// library, run by bench/arm_insns.sh under qemu-user.
//
//   net COUNT     prints the number, from the input's bytes to the scores. COUNT: counter.h
#include <cstdio>
#include <vector>

#include "bench/arm/counter.h"
#include "bluestem/edge/model_abi.h"

int main(int argc, char** argv) {
  bluestem::bench::Counter counter;
  if (argc != 2 || !counter.Open(argv[1])) {
    std::fprintf(stderr, "net: the counter is missing or miscounts a loop of known length\n");
    return 2;
  }
  bluestem_session* session = nullptr;
  if (bluestem_create(&session) != BLUESTEM_OK) return 2;
  std::vector<uint8_t> x(bluestem_input(0)->bytes);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  std::vector<uint8_t> y(bluestem_output(0)->bytes);
  const void* inputs[] = {x.data()};
  void* outputs[] = {y.data()};
  if (bluestem_run(session, inputs, outputs) != BLUESTEM_OK) return 2;
  bluestem::bench::Counter::Histogram();
  const int64_t instructions = counter.Count([&] { bluestem_run(session, inputs, outputs); });
  bluestem::bench::Counter::Histogram();
  std::printf("%lld\n", static_cast<long long>(instructions));
  bluestem_destroy(session);
  return 0;
}
