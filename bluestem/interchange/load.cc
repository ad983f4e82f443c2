#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <cstring>

#include "bluestem/interchange/interchange.h"

// Tells the kinds of model files apart by what they hold. Both kinds that are read are protobuf
// messages without a magic number, so the fields of the outermost message decide:
//   ONNX ModelProto        7: the graph, 8: the opsets, 1: ir_version, a number
//   TensorFlow GraphDef    1: a node, a message
//   TensorFlow SavedModel  1: a number, 2: a message of graphs; no 7, no 8
// Where none of them is there, as in a file that is cut short, the file's extension decides which
// reader says what is wrong.
namespace bluestem::interchange {
namespace {

enum class Kind : uint8_t { kOnnx, kTensorFlow, kSavedModel, kUnknown };

using google::protobuf::internal::WireFormatLite;

// Skips a field's value. Returns false where it ends outside of the file.
bool Skip(google::protobuf::io::CodedInputStream& stream, uint32_t tag) {
  uint64_t number = 0;
  uint32_t length = 0;
  switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT: return stream.ReadVarint64(&number);
    case WireFormatLite::WIRETYPE_FIXED64: return stream.Skip(8);
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
      return stream.ReadVarint32(&length) && length <= INT32_MAX &&
             stream.Skip(static_cast<int>(length));
    case WireFormatLite::WIRETYPE_FIXED32: return stream.Skip(4);
    default: return false;  // groups are in neither format
  }
}

Kind KindOf(const Bytes& bytes) {
  const auto size = static_cast<int>(std::min<size_t>(bytes.size(), INT32_MAX));
  google::protobuf::io::CodedInputStream stream(bytes.data(), size);
  bool has_nodes = false;
  bool has_number = false;
  bool has_second = false;
  for (uint32_t tag = stream.ReadTag(); tag != 0; tag = stream.ReadTag()) {
    const int field = WireFormatLite::GetTagFieldNumber(tag);
    const bool message =
        WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (message && (field == 7 || field == 8)) return Kind::kOnnx;
    has_nodes = has_nodes || (message && field == 1);
    has_number = has_number || (!message && field == 1);
    has_second = has_second || (message && field == 2);
    if (!Skip(stream, tag)) break;
  }
  if (has_nodes) return Kind::kTensorFlow;
  if (has_number) return has_second ? Kind::kSavedModel : Kind::kOnnx;
  return Kind::kUnknown;
}

// Formats that people try and that have a magic number.
struct Foreign {
  size_t at;
  const char* magic;
  const char* text;
};

constexpr Foreign kForeign[] = {
    {4, "TFL3", "a TensorFlow Lite model; export the network as ONNX"},
    {1, "HDF\r\n", "an HDF5 file (Keras); export the network as ONNX"},
    {0, "PK\x03\x04", "a zip archive (PyTorch, Keras); export the network as ONNX"},
    {0, "\x80\x02", "a pickle (PyTorch); export the network as ONNX"},
};

Result<ir::Graph> Parse(const Bytes& bytes, const Path& path, int64_t batch) {
  const std::string name = path.string();
  for (const Foreign& row : kForeign) {
    const size_t length = std::strlen(row.magic);
    if (bytes.size() >= row.at + length &&
        std::memcmp(bytes.data() + row.at, row.magic, length) == 0) {
      return Error(Code::kUnsupported, "{}: {}", name, row.text);
    }
  }
  Kind kind = KindOf(bytes);
  if (kind == Kind::kUnknown && path.extension() == ".onnx") kind = Kind::kOnnx;
  if (kind == Kind::kUnknown && path.extension() == ".pb") kind = Kind::kTensorFlow;
  switch (kind) {
    case Kind::kOnnx: return ParseOnnx(bytes, name, batch);
    case Kind::kTensorFlow: return ParseTensorFlow(bytes, name, batch);
    case Kind::kSavedModel:
      return Error(Code::kUnsupported,
                   "{}: a TensorFlow SavedModel, or an ONNX model without a graph; freeze the "
                   "former to one GraphDef, or export it as ONNX",
                   name);
    case Kind::kUnknown: break;
  }
  return Error(Code::kInvalidData, "{}: neither an ONNX model nor a frozen TensorFlow graph", name);
}

}  // namespace

Result<ir::Graph> LoadModel(const Path& path, int64_t batch) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  if (bytes.empty()) return Error(Code::kInvalidData, "{}: the file is empty", path.string());
  auto graph = Parse(bytes, path, batch);
  if (graph.ok()) graph->name = path.stem().string();
  return graph;
}

}  // namespace bluestem::interchange
