// Any bytes as an ONNX model: a Status or a graph that verifies, is written and
// reads back.
#include "bluestem/base/check.h"
#include "bluestem/interchange/interchange.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bluestem;
  const auto graph = interchange::ParseOnnx(Bytes(data, data + size), "fuzz");
  if (!graph.ok()) return 0;
  BLUESTEM_CHECK(ir::Verify(*graph).ok(), "a graph that was read verifies");
  const auto bytes = interchange::ToOnnx(*graph);
  if (!bytes.ok()) return 0;
  const auto back = interchange::ParseOnnx(*bytes, "back");
  BLUESTEM_CHECK(back.ok(), back.ok() ? "" : back.status().message().c_str());
  return 0;
}
