// The doors in and out of the IR: ONNX (with QONNX quantizers) and frozen TensorFlow graphs. The
// only module with protobuf.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/ir/graph.h"

namespace bluestem::interchange {

// Reads a model, told apart by content. Errors: kInvalidData for what is not a model or is
// truncated; kUnsupported naming the op and the node, and the nearest thing that is supported; a
// shape that does not fit names both shapes. The first axis of every input becomes `batch`, and
// with it what the file wrote for it; 0: what WithBatch put in the file, or 1.
Result<ir::Graph> LoadModel(const Path& path, int64_t batch = 0);
Result<ir::Graph> ParseOnnx(const Bytes& bytes, const std::string& name, int64_t batch = 0);
Result<ir::Graph> ParseTensorFlow(const Bytes& bytes, const std::string& name, int64_t batch = 0);

constexpr int64_t kMostBatch = 64;  // images that a model takes a call

// Returns an ONNX file that says, as metadata, which batch it is to be read with.
Bytes WithBatch(const Bytes& onnx, int64_t batch);

// Writes ONNX opset 13 with Quant/BipolarQuant in domain "qonnx.custom_op.general". NHWC
// convolutions become NCHW with the transposes that ONNX needs only at the graph's edges: what
// train exports is NCHW from the start. ParseOnnx(ToOnnx(g)) computes what g computes.
Result<Bytes> ToOnnx(const ir::Graph& graph);

// A tensor file of the ONNX test format (.pb holding a TensorProto).
Result<Tensor> ReadTensorProto(const Path& path);

// A picture as TensorBoard takes it: encoded, with what a reader wants to know before it decodes.
struct EventPicture {
  int32_t height = 0;
  int32_t width = 0;
  int32_t channels = 0;  // 1 grey, 3 RGB
  Bytes png;
};

// TensorBoard event files. Each event has the time at which it is written.
class EventWriter {
 public:
  // Appends to (or creates) an events.out.tfevents file in `folder`.
  static Result<EventWriter> Open(const Path& folder, int64_t unix_seconds);
  // Begins anew at `step`: what the file has of it and of later steps, TensorBoard leaves out.
  Status Restart(int64_t step);
  Status Scalar(const std::string& tag, int64_t step, double value);
  // Of whole numbers from 0 on: counts[v] is how often v occurs.
  Status Histogram(const std::string& tag, int64_t step, const std::vector<int64_t>& counts);
  Status Picture(const std::string& tag, int64_t step, const EventPicture& picture);

 private:
  Path path_;
};

}  // namespace bluestem::interchange
