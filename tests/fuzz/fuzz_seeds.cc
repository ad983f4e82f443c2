// fuzz_seeds FOLDER: writes FOLDER/<target>/seed, one well-formed input for each fuzz target that
// reads a format of ours, made by our own writers where there is one.
#include <cstdio>

#include "bluestem/base/file.h"
#include "bluestem/config/experiment.h"
#include "bluestem/image/image.h"
#include "bluestem/interchange/graphdef.pb.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/graph.h"
#include "bluestem/task/meta.h"
#include "tests/fpga/packs.h"

namespace bluestem {
namespace {

constexpr const char* kGraph = R"(graph "seed"
input %x : f32[1,2,4,4]
%w = const f32[1,2,1,1] {1, -2}
%s = const f32[] {0.5}
%z = const f32[] {0}
%b = BinaryQuant(%w, %s) : f32[1,2,1,1]
%c = Conv(%x, %b) {layout="NCHW"} : f32[1,1,4,4]
%q = Quant(%c, %s, %z) {bits=2, signed=0} : f32[1,1,4,4]
%y = Relu(%q) : f32[1,1,4,4]
output %y
)";

constexpr const char* kManifest = R"({"format": "bluestem-artefact", "format_version": 1,
"tool_version": "0.1.0", "model_hash": "", "files": [{"path": "models/meta.yaml", "bytes": 1,
"sha256": "0000000000000000000000000000000000000000000000000000000000000000"}]}
)";

// 1 picture of 2 x 3 bytes.
constexpr char kIdx[] =
    "\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x03"
    "abcdef";

constexpr const char* kCsv = "image,labels\r\n\"a \"\"1\"\".png\",\"x|\ny\"\nb.png,\n";

// {"labels": [1, 2], "data": b"xyz"}, protocol 2.
constexpr char kPickle[] =
    "\x80\x02}(X\x06\0\0\0labels](K\x01K\x02"
    "eX\x04\0\0\0data"
    "C\x03xyzu.";

std::string Frozen() {
  tensorflow::GraphDef graph;
  const auto node = [&](const char* op, const char* name) {
    graph.add_node()->set_op(op);
    graph.mutable_node()->rbegin()->set_name(name);
    return &*graph.mutable_node()->rbegin();
  };
  auto* shape = (*node("Placeholder", "x")->mutable_attr())["shape"].mutable_shape();
  for (const int64_t extent : {1, 4, 4, 2}) shape->add_dim()->set_size(extent);
  auto* weights = (*node("Const", "w")->mutable_attr())["value"].mutable_tensor();
  weights->set_dtype(1);
  for (const int64_t extent : {1, 1, 2, 1}) {
    weights->mutable_tensor_shape()->add_dim()->set_size(extent);
  }
  for (const float value : {1.0F, -2.0F}) weights->add_float_val(value);
  auto* conv = node("Conv2D", "conv");
  conv->add_input("x");
  conv->add_input("w");
  for (int i = 0; i < 4; ++i) (*conv->mutable_attr())["strides"].mutable_list()->add_i(1);
  (*conv->mutable_attr())["padding"].set_s("SAME");
  node("Relu", "output")->add_input("conv");
  return graph.SerializeAsString();
}

Bytes ToBytes(const std::string& text) {
  return Bytes(text.begin(), text.end());
}

// Aborts where a seed is not what its reader takes: it would start from nothing, in silence.
int Main(const Path& folder) {
  const auto graph = ir::FromText(kGraph);
  BLUESTEM_CHECK(graph.ok(), graph.ok() ? "" : graph.status().message().c_str());
  const image::Image picture{2, 3, 3, std::vector<uint8_t>(18, 7)};
  const task::Meta meta{.classes = {"cat", "dog"}};
  const std::string frozen = Frozen();
  const auto read = interchange::ParseTensorFlow(ToBytes(frozen), "seed");
  BLUESTEM_CHECK(read.ok(), read.ok() ? "" : read.status().message().c_str());
  const std::pair<const char*, Bytes> seeds[] = {
      {"graph_text_fuzz", ToBytes(kGraph)},
      {"onnx_fuzz", interchange::ToOnnx(*graph).value()},
      {"tensorflow_fuzz", ToBytes(frozen)},
      {"image_fuzz", image::EncodePng(picture).value()},
      {"csv_fuzz", ToBytes(kCsv)},
      {"idx_fuzz", ToBytes(std::string(kIdx, sizeof(kIdx) - 1))},
      {"pickle_fuzz", ToBytes(std::string(kPickle, sizeof(kPickle) - 1))},
      {"manifest_fuzz", ToBytes(kManifest)},
      {"pack_fuzz", fpga::ToBytes(fpga::PackOf(*fpga::PackedProgram()))},
      {"meta_fuzz", ToBytes(task::MetaToYaml(meta))},
      {"yaml_fuzz", ToBytes(config::ToYaml(config::Experiment{}))}};
  for (const auto& [name, bytes] : seeds) {
    Status status = MakeFolder(folder / name);
    if (status.ok()) status = WriteFile(folder / name / "seed", bytes);
    if (!status.ok()) {
      std::fprintf(stderr, "fuzz_seeds: %s\n", status.message().c_str());
      return static_cast<int>(status.code());
    }
  }
  return 0;
}

}  // namespace
}  // namespace bluestem

int main(int count, char** words) {
  if (count == 2) return bluestem::Main(words[1]);
  std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
  return 2;
}
