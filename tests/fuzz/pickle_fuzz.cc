// Any bytes as a pickle: a Status, or nodes that can be asked for what CIFAR's readers ask.
#include <cstdint>

#include "bluestem/base/check.h"
#include "bluestem/data/formats/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using bluestem::data::Pickle;
  const auto pickle = Pickle::Parse(bluestem::Bytes(data, data + size), "fuzz");
  if (!pickle.ok()) return 0;
  const Pickle::Node& root = pickle->root();
  for (const char* key : {"data", "labels", "label_names"}) {
    const Pickle::Node* node = pickle->Find(root, key);
    if (node == nullptr) continue;
    const auto array = pickle->ArrayOf(*node);
    if (array.ok()) BLUESTEM_CHECK(array->bytes.size() <= size, "an array is part of the file");
    (void)pickle->IntegersOf(*node).ok();
    (void)pickle->TextsOf(*node).ok();
  }
  (void)pickle->ArrayOf(root).ok();
  return 0;
}
