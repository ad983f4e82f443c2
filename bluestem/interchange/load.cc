#include "bluestem/interchange/interchange.h"

namespace bluestem::interchange {
namespace {

// ONNX files begin with field 1, ir_version, a varint (byte 0x08); GraphDefs with field 1, a node
// (byte 0x0a).
bool LooksLikeTensorFlow(const Bytes& bytes) {
  return !bytes.empty() && bytes[0] == 0x0a;
}

}  // namespace

Result<ir::Graph> LoadModel(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  if (bytes.empty()) return Error(Code::kInvalidData, "{}: the file is empty", path.string());
  const std::string name = path.string();
  auto graph = LooksLikeTensorFlow(bytes) ? ParseTensorFlow(bytes, name) : ParseOnnx(bytes, name);
  if (graph.ok()) graph->name = path.stem().string();
  return graph;
}

}  // namespace bluestem::interchange
