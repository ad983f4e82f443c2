// Frozen graphs made here, and files of the other formats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "bluestem/interchange/graphdef.pb.h"
#include "bluestem/interchange/interchange.h"
#include "tests/interchange/parsed.h"

namespace bluestem::interchange {
namespace {

using testing::HasSubstr;
using Values = std::vector<double>;

class FrozenGraph {
 public:
  explicit FrozenGraph(const Shape& input) {
    tensorflow::NodeDef& node = Node("Placeholder", "x", {});
    for (const int64_t extent : input) {
      (*node.mutable_attr())["shape"].mutable_shape()->add_dim()->set_size(extent);
    }
  }

  tensorflow::NodeDef& Node(const std::string& op, const std::string& name,
                            const std::vector<std::string>& inputs) {
    tensorflow::NodeDef& node = *graph_.add_node();
    node.set_op(op);
    node.set_name(name);
    for (const auto& input : inputs) node.add_input(input);
    return node;
  }

  FrozenGraph& Floats(const std::string& name, const Shape& shape,
                      const std::vector<float>& values) {
    auto& tensor = Tensor(name, 1, shape);
    for (const float value : values) tensor.add_float_val(value);
    return *this;
  }

  FrozenGraph& Ints(const std::string& name, const Shape& shape,
                    const std::vector<int32_t>& values) {
    auto& tensor = Tensor(name, 3, shape);
    for (const int32_t value : values) tensor.add_int_val(value);
    return *this;
  }

  std::string Serialized() const { return graph_.SerializeAsString(); }

  Result<ir::Graph> Parse(int64_t batch = 0) const {
    const std::string bytes = Serialized();
    return ParseTensorFlow(Bytes(bytes.begin(), bytes.end()), "test.pb", batch);
  }

  Values Run(const std::vector<float>& x) const { return FirstOutput(Parse(), x); }
  std::string Refusal() const { return RefusalOf(Parse()); }

 private:
  tensorflow::TensorProto& Tensor(const std::string& name, int32_t dtype, const Shape& shape) {
    tensorflow::NodeDef& node = Node("Const", name, {});
    auto& tensor = *(*node.mutable_attr())["value"].mutable_tensor();
    tensor.set_dtype(dtype);
    for (const int64_t extent : shape) {
      tensor.mutable_tensor_shape()->add_dim()->set_size(extent);
    }
    return tensor;
  }

  tensorflow::GraphDef graph_;
};

void SetText(tensorflow::NodeDef& node, const std::string& key, const std::string& value) {
  (*node.mutable_attr())[key].set_s(value);
}

void SetInts(tensorflow::NodeDef& node, const std::string& key, const Shape& values) {
  for (const int64_t value : values) (*node.mutable_attr())[key].mutable_list()->add_i(value);
}

TEST(TensorFlow, SamePaddingOfAStridedConvPadsAfter) {
  FrozenGraph graph({1, 1, 4, 1});
  graph.Floats("w", {1, 3, 1, 1}, {1, 10, 100});
  tensorflow::NodeDef& conv = graph.Node("Conv2D", "output", {"x", "w"});
  SetText(conv, "padding", "SAME");
  SetInts(conv, "strides", {1, 1, 2, 1});
  // ceil(4 / 2) = 2 outputs need 1 pixel of padding, which goes after.
  EXPECT_EQ(graph.Run({1, 2, 3, 4}), (Values{321, 43}));
}

TEST(TensorFlow, DepthwiseWeightsMakeChannelTimesMultiplier) {
  FrozenGraph graph({1, 1, 1, 2});
  graph.Floats("w", {1, 1, 2, 2}, {1, 10, 100, 1000});
  SetText(graph.Node("DepthwiseConv2dNative", "output", {"x", "w"}), "padding", "VALID");
  EXPECT_EQ(graph.Run({3, 5}), (Values{3, 30, 500, 5000}));
}

TEST(TensorFlow, BlueoilQuantizersByBothNames) {
  for (const char* op :
       {"QTZ_binary_channel_wise_mean_scaling", "BinaryChannelWiseMeanScalingQuantizer"}) {
    FrozenGraph graph({1, 1, 1, 2});
    graph.Floats("w", {1, 1, 2, 2}, {1, -4, -3, 0}).Node(op, "q", {"w"});
    SetText(graph.Node("Conv2D", "output", {"x", "q"}), "padding", "VALID");
    // Column means of |w|: 2 and 2; signs + - and - +: zero counts as plus.
    EXPECT_EQ(graph.Run({1, 10}), (Values{2 - 20, -2 + 20})) << op;
  }
  for (const char* op : {"QTZ_binary_mean_scaling", "BinaryMeanScalingQuantizer"}) {
    FrozenGraph graph({1, 1, 1, 2});
    graph.Floats("w", {1, 1, 2, 1}, {1, -4}).Node(op, "q", {"w"});
    SetText(graph.Node("Conv2D", "output", {"x", "q"}), "padding", "VALID");
    EXPECT_EQ(graph.Run({1, 10}), (Values{2.5 - 25})) << op;
  }
  for (const char* op : {"QTZ_linear_mid_tread_half", "LinearMidTreadHalfQuantizer"}) {
    FrozenGraph graph({1, 5});
    graph.Ints("bit", {}, {2}).Floats("max", {}, {3});
    graph.Node(op, "output", {"x", "bit", "max"});
    EXPECT_EQ(graph.Run({-1, 0.5F, 1.25F, 2.75F, 9}), (Values{0, 1, 1, 3, 3})) << op;
  }
}

TEST(TensorFlow, TheBatchBecomesWhatIsAskedFor) {
  for (const int32_t declared : {-1, 1, 3, 16}) {
    FrozenGraph frozen({declared, 2, 2, 3});
    frozen.Ints("shape", {2}, {declared, 12}).Node("Reshape", "y", {"x", "shape"});
    const auto graph = frozen.Parse(3);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    EXPECT_EQ(graph->value(graph->inputs[0]).shape, (Shape{3, 2, 2, 3}));
    EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{3, 12}));
    EXPECT_EQ(graph->notes.size(), declared == 3 ? 0U : 1U);
    const auto one = frozen.Parse();
    ASSERT_TRUE(one.ok()) << one.status().message();
    EXPECT_EQ(one->value(one->outputs[0]).shape, (Shape{1, 12}));
  }
}

TEST(TensorFlow, UnfusedBatchNormFoldsToAMulAndAnAdd) {
  FrozenGraph graph({1, 2});
  graph.Floats("gamma", {2}, {2, 3}).Floats("beta", {2}, {1}).Floats("mean", {2}, {4, 8});
  graph.Floats("var", {2}, {3, 15}).Floats("eps", {}, {1});
  graph.Node("AddV2", "v", {"var", "eps"});
  graph.Node("Rsqrt", "r", {"v"});
  graph.Node("Mul", "a", {"r", "gamma"});
  graph.Node("Mul", "xa", {"x", "a"});
  graph.Node("Mul", "ma", {"mean", "a"});
  graph.Node("Sub", "b", {"beta", "ma"});
  graph.Node("AddV2", "output", {"xa", "b"});
  EXPECT_EQ(graph.Run({5, 16}), (Values{2, 7}));
  EXPECT_EQ(graph.Parse()->nodes.size(), 2U);
}

TEST(TensorFlow, ShapeOpsReadTheirConstants) {
  FrozenGraph graph({1, 2, 2, 2});
  graph.Ints("axis", {}, {3}).Ints("begin", {2}, {0, 1}).Ints("end", {2}, {1, 2});
  graph.Ints("one", {2}, {1, 1}).Ints("axes", {2}, {1, 2});
  (*graph.Node("Split", "s", {"axis", "x"}).mutable_attr())["num_split"].set_i(2);
  graph.Node("ConcatV2", "c", {"s:1", "s", "axis"});
  graph.Node("Mean", "m", {"c", "axes"});
  tensorflow::NodeDef& slice = graph.Node("StridedSlice", "output", {"m", "begin", "end", "one"});
  (*slice.mutable_attr())["shrink_axis_mask"].set_i(2);
  // Channels swapped, averaged over the map: [mean of c1, mean of c0]; the second is taken.
  EXPECT_EQ(graph.Run({1, 10, 2, 20, 3, 30, 4, 40}), (Values{2.5}));
}

// x[:, ::-1], whose begin and end are not looked at.
TEST(TensorFlow, SlicesGoBackwards) {
  FrozenGraph graph({1, 4});
  graph.Ints("begin", {2}, {0, 0}).Ints("end", {2}, {0, 0}).Ints("steps", {2}, {1, -1});
  tensorflow::NodeDef& slice = graph.Node("StridedSlice", "output", {"x", "begin", "end", "steps"});
  (*slice.mutable_attr())["begin_mask"].set_i(3);
  (*slice.mutable_attr())["end_mask"].set_i(3);
  EXPECT_EQ(graph.Run({1, 2, 3, 4}), (Values{4, 3, 2, 1}));
}

TEST(TensorFlow, PatchesSideBySideAreSpaceToDepth) {
  FrozenGraph graph({1, 2, 2, 1});
  tensorflow::NodeDef& patches = graph.Node("ExtractImagePatches", "output", {"x"});
  SetInts(patches, "ksizes", {1, 2, 2, 1});
  SetInts(patches, "strides", {1, 2, 2, 1});
  SetInts(patches, "rates", {1, 1, 1, 1});
  EXPECT_EQ(graph.Run({1, 2, 3, 4}), (Values{1, 2, 3, 4}));
  FrozenGraph overlap({1, 3, 3, 1});
  tensorflow::NodeDef& wide = overlap.Node("ExtractImagePatches", "output", {"x"});
  SetInts(wide, "ksizes", {1, 2, 2, 1});
  SetInts(wide, "strides", {1, 1, 1, 1});
  EXPECT_THAT(overlap.Refusal(), HasSubstr("only square patches side by side"));
}

TEST(TensorFlow, BilinearResizeTakesCornersOrCentres) {
  struct {
    const char* attribute;
    Values wanted;
  } const cases[] = {{"align_corners", {0, 1, 2, 3}},
                     {"half_pixel_centers", {0, 0.75, 2.25, 3}},
                     {"", {0, 1.5, 3, 3}}};
  for (const auto& one : cases) {
    FrozenGraph graph({1, 1, 2, 1});
    graph.Ints("size", {2}, {1, 4});
    tensorflow::NodeDef& node = graph.Node("ResizeBilinear", "output", {"x", "size"});
    if (*one.attribute != '\0') (*node.mutable_attr())[one.attribute].set_b(true);
    EXPECT_THAT(graph.Run({0, 3}), testing::Pointwise(testing::DoubleNear(1e-6), one.wanted))
        << one.attribute;
  }
}

TEST(TensorFlow, ShapesAreComputedBeforeTheyAreUsed) {
  FrozenGraph graph({1, 4, 2, 3});
  graph.Ints("two", {}, {2}).Ints("one", {}, {1}).Ints("zero", {}, {0});
  graph.Node("Shape", "shape", {"x"});
  graph.Node("GatherV2", "rows", {"shape", "one", "zero"});
  graph.Node("FloorDiv", "half", {"rows", "two"});
  graph.Node("Prod", "all", {"shape", "zero"});
  graph.Node("FloorDiv", "rest", {"all", "two"});
  graph.Node("Pack", "wanted", {"half", "rest"});
  graph.Node("Reshape", "output", {"x", "wanted"});
  const auto parsed = graph.Parse();
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->value(parsed->outputs[0]).shape, (Shape{2, 12}));
}

TEST(TensorFlow, ARankingAtTheEndIsLeftOutWithANote) {
  FrozenGraph graph({1, 3});
  graph.Ints("axis", {}, {1}).Node("ArgMax", "best", {"x", "axis"});
  graph.Node("Identity", "output", {"best"});
  const auto parsed = graph.Parse();
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(parsed->notes.at(0), HasSubstr("node \"best\" (ArgMax) is left out"));
  FrozenGraph middle({1, 3});
  middle.Ints("axis", {}, {1}).Node("ArgMax", "best", {"x", "axis"});
  middle.Node("Relu", "output", {"best"});
  EXPECT_THAT(middle.Refusal(), HasSubstr("only a ranking at the end"));
}

TEST(TensorFlow, SignKnowsZero) {
  FrozenGraph graph({1, 3});
  graph.Node("Sign", "output", {"x"});
  EXPECT_EQ(graph.Run({-2, 0, 5}), (Values{-1, 0, 1}));
}

TEST(TensorFlow, RefusesWithTheOpAndTheNode) {
  FrozenGraph unknown({1, 2});
  unknown.Node("QTZ_ternary", "scope/t", {"x"});
  unknown.Node("Identity", "output", {"scope/t"});
  EXPECT_EQ(unknown.Parse().status().code(), Code::kUnsupported);
  EXPECT_THAT(unknown.Refusal(),
              HasSubstr("node \"scope/t\" (QTZ_ternary): op \"QTZ_ternary\" is not supported"));
  FrozenGraph nchw({1, 2, 2, 2});
  SetText(nchw.Node("MaxPool", "output", {"x"}), "data_format", "NCHW");
  EXPECT_THAT(nchw.Refusal(), HasSubstr("export the graph as NHWC"));
  FrozenGraph training({1, 1, 1, 1});
  training.Floats("c", {1}, {1}).Node("FusedBatchNorm", "output", {"x", "c", "c", "c", "c"});
  EXPECT_THAT(training.Refusal(), HasSubstr("freeze the graph for inference"));
  FrozenGraph cycle({1, 2});
  cycle.Node("Add", "a", {"x", "b"});
  cycle.Node("Relu", "b", {"a"});
  cycle.Node("Relu", "output", {"b"});
  EXPECT_THAT(cycle.Refusal(), HasSubstr("cycle through node"));
  FrozenGraph lying({1, 2});
  lying.Floats("c", {100000, 10000}, {1, 2}).Node("Add", "output", {"x", "c"});
  EXPECT_THAT(lying.Refusal(), HasSubstr("holds 2 elements"));
}

class Files : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("bluestem_{}", getpid());
    ASSERT_TRUE(MakeFolder(folder_).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Path folder_;
};

TEST_F(Files, LoadModelTellsFormatsApartAndNamesTheFile) {
  EXPECT_EQ(LoadModel(folder_ / "absent.onnx").status().code(), Code::kIo);
  ASSERT_TRUE(WriteFile(folder_ / "empty.onnx", "").ok());
  EXPECT_THAT(LoadModel(folder_ / "empty.onnx").status().message(), HasSubstr("is empty"));
  ASSERT_TRUE(WriteFile(folder_ / "picture.onnx", "\x89PNG\r\n").ok());
  const auto picture = LoadModel(folder_ / "picture.onnx");
  EXPECT_EQ(picture.status().code(), Code::kInvalidData);
  EXPECT_THAT(picture.status().message(), HasSubstr("picture.onnx: not an ONNX model"));
  const auto graph = ir::FromText("graph \"g\" input %x : f32[1,2] %y = Relu(%x) output %y");
  ASSERT_TRUE(WriteFile(folder_ / "relu.onnx", *ToOnnx(*graph)).ok());
  EXPECT_EQ(LoadModel(folder_ / "relu.onnx")->name, "relu");
}

TEST_F(Files, LoadModelGoesByFieldsNotByTheFirstByte) {
  const auto graph = ir::FromText("graph \"g\" input %x : f32[1,2] %y = Relu(%x) output %y");
  const Bytes onnx = *ToOnnx(*graph);
  // The opset and the producer first: fields of a message may stand in any order.
  Bytes reordered = {0x42, 0x02, 0x10, 0x0d, 0x12, 0x01, 'p'};
  reordered.insert(reordered.end(), onnx.begin(), onnx.end());
  ASSERT_TRUE(WriteFile(folder_ / "reordered.pb", reordered).ok());
  EXPECT_TRUE(LoadModel(folder_ / "reordered.pb").ok());
  // A name that ends a line begins with the byte of a GraphDef's first node.
  Bytes unknown = {0x0a, 0x01, 'x'};
  unknown.insert(unknown.end(), onnx.begin(), onnx.end());
  ASSERT_TRUE(WriteFile(folder_ / "unknown.onnx", unknown).ok());
  EXPECT_TRUE(LoadModel(folder_ / "unknown.onnx").ok());

  FrozenGraph frozen({1, 2});
  frozen.Node("Relu", "output", {"x"});
  ASSERT_TRUE(WriteFile(folder_ / "frozen.model", frozen.Serialized()).ok());
  EXPECT_TRUE(LoadModel(folder_ / "frozen.model").ok());
}

TEST_F(Files, LoadModelSaysWhatOtherFilesAre) {
  const auto refusal = [&](const char* name, const std::string& bytes) {
    EXPECT_TRUE(WriteFile(folder_ / name, bytes).ok());
    return std::string(LoadModel(folder_ / name).status().message());
  };
  EXPECT_THAT(refusal("a.tflite", std::string("\x1c\0\0\0TFL3", 8)), HasSubstr("TensorFlow Lite"));
  EXPECT_THAT(refusal("a.h5", "\x89HDF\r\n"), HasSubstr("Keras"));
  EXPECT_THAT(refusal("a.pt", std::string("PK\x03\x04", 4)),
              HasSubstr("export the network as ONNX"));
  EXPECT_THAT(refusal("saved_model.pb",
                      "\x08\x01\x12\x03"
                      "abc"),
              HasSubstr("SavedModel"));
  EXPECT_THAT(refusal("a.txt", "hello"), HasSubstr("neither an ONNX model nor"));
  EXPECT_THAT(refusal("a.pb", "hello"), HasSubstr("not a TensorFlow graph"));
}

TEST_F(Files, EventsAreRecordsWithTheirChecksums) {
  auto writer = EventWriter::Open(folder_, 1700000000);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  ASSERT_TRUE(writer->Scalar("loss", 3, 0.25).ok());
  const Path path = folder_ / "events.out.tfevents.1700000000.bluestem";
  const Bytes bytes = *ReadFile(path);
  // Length 24, the masked crc32c of those eight bytes, then the first event, which names the
  // version.
  ASSERT_GT(bytes.size(), 40U);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.begin() + 12),
            (Bytes{24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22}));
  EXPECT_EQ(std::string(bytes.begin() + 23, bytes.begin() + 36), "brain.Event:2");
  const size_t first = bytes.size();
  auto again = EventWriter::Open(folder_, 1700000000);
  ASSERT_TRUE(again->Scalar("loss", 4, 0.125).ok());
  EXPECT_GT(ReadFile(path)->size(), first);
  EXPECT_EQ(EventWriter::Open(folder_ / "absent", 1).status().code(), Code::kIo);
}

// A SessionLog (field 7) with status START (1), as TensorBoard's event.proto numbers them.
TEST_F(Files, ARestartIsASessionsStart) {
  auto writer = EventWriter::Open(folder_, 1700000000);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  const Path path = folder_ / "events.out.tfevents.1700000000.bluestem";
  const size_t before = ReadFile(path)->size();
  ASSERT_TRUE(writer->Restart(5).ok());
  const Bytes bytes = *ReadFile(path);
  const std::string record(bytes.begin() + static_cast<int64_t>(before), bytes.end());
  EXPECT_THAT(record, HasSubstr("\x10\x05\x3a\x02\x08\x01"));
}

TEST_F(Files, APictureIsWrittenWithItsSizeAndItsBytes) {
  auto writer = EventWriter::Open(folder_, 1700000000);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  const Path path = folder_ / "events.out.tfevents.1700000000.bluestem";
  const size_t before = ReadFile(path)->size();
  ASSERT_TRUE(
      writer->Picture("p", 3, {.height = 5, .width = 7, .channels = 3, .png = {1, 2}}).ok());
  const Bytes bytes = *ReadFile(path);
  const std::string record(bytes.begin() + static_cast<int64_t>(before), bytes.end());
  // Value: tag 1, then image 4: height, width, colorspace, bytes.
  EXPECT_THAT(record, HasSubstr("\x0a\x01p\x22\x0a\x08\x05\x10\x07\x18\x03\x22\x02\x01\x02"));
}

TEST_F(Files, AHistogramHasABucketForEachCount) {
  auto writer = EventWriter::Open(folder_, 1700000000);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  const Path path = folder_ / "events.out.tfevents.1700000000.bluestem";
  const size_t before = ReadFile(path)->size();
  ASSERT_TRUE(writer->Histogram("codes", 3, {0, 4, 0, 2}).ok());
  const Bytes bytes = *ReadFile(path);
  const std::string record(bytes.begin() + static_cast<int64_t>(before), bytes.end());
  // Fields of HistogramProto: min, max, num, sum, sum of squares, then limits and counts, packed.
  const auto number = [](char tag, double value) {
    return std::string(1, tag) + std::string(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  EXPECT_THAT(record, HasSubstr(number(0x09, 1) + number(0x11, 3) + number(0x19, 6) +
                                number(0x21, 10) + number(0x29, 22)));
  std::string packed = "\x3a\x20";
  for (const double count : {0.0, 4.0, 0.0, 2.0})
    packed += std::string(reinterpret_cast<const char*>(&count), sizeof(count));
  EXPECT_THAT(record, HasSubstr(packed));
}

}  // namespace
}  // namespace bluestem::interchange
