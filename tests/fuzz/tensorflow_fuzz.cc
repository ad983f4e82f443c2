// Any bytes as a frozen TensorFlow graph: a Status or a graph that verifies.
#include "bluestem/base/check.h"
#include "bluestem/interchange/interchange.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bluestem;
  const auto graph = interchange::ParseTensorFlow(Bytes(data, data + size), "fuzz");
  if (graph.ok()) BLUESTEM_CHECK(ir::Verify(*graph).ok(), "a graph that was read verifies");
  return 0;
}
