// Any text as a graph: a Status with its place, or a graph whose text reads back as the same text.
#include "bluestem/base/check.h"
#include "bluestem/ir/graph.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bluestem;
  const auto graph = ir::FromText(std::string(reinterpret_cast<const char*>(data), size));
  if (!graph.ok()) return 0;
  const std::string text = ir::ToText(*graph);
  const auto again = ir::FromText(text);
  BLUESTEM_CHECK(again.ok(), "the text of a graph parses");
  BLUESTEM_CHECK(ir::ToText(*again) == text, "the text of a graph is stable");
  return 0;
}
