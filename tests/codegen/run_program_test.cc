// bin/bluestem-run and python/run.py of an artefact.
#include <fstream>

#include "bluestem/image/image.h"
#include "tests/codegen/fixture.h"

namespace bluestem {
namespace {

using testing::TestFolder;

constexpr const char* kMeta =
    "TASK: IMAGE.CLASSIFICATION\nCLASSES:\n- airplane\n- \"a: \\\"b\\\"\"\n- c\n- d\n- e\n- f\n- "
    "g\n- h\n- i\n- j\n"
    "IMAGE_SIZE: [8, 8]\nIMAGE_CHANNELS: 3\nDATA_FORMAT: NHWC\nPRE_PROCESSOR:\n- Resize:\n"
    "    size: [8, 8]\n    resample: BILINEAR\n- DivideBy255: null\nPOST_PROCESSOR: null\n";

// Pixels of SmallNetwork's input as a binary PPM.
std::string Ppm(const Tensor& pixels) {
  return "P6\n# a comment\n8 8\n255\n" + std::string(reinterpret_cast<const char*>(pixels.raw()),
                                                     static_cast<size_t>(pixels.bytes()));
}

class RunProgram : public ::testing::Test {
 protected:
  ProcessResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), (testing::SmallArtefact() / "bin/bluestem-run").string());
    return Start(arguments);
  }
  ProcessResult Start(const std::vector<std::string>& command) {
    auto result = RunProcess(command, folder_.path());
    EXPECT_TRUE(result.ok()) << result.status().message();
    return *result;
  }
  void Write(const std::string& name, const std::string& content) {
    std::ofstream(folder_.path() / name, std::ios::binary) << content;
  }

  TestFolder folder_;
  std::shared_ptr<program::Program> program_ = testing::SmallNetwork(1);
  std::vector<Tensor> inputs_ = testing::RandomInputs(*program_, 6);
  std::vector<Tensor> expected_ = *(*runtime::Interpret(program_))->Run(inputs_);
};

TEST_F(RunProgram, PrintsScoresLatencyAndProfileOfAPicture) {
  Write("picture.ppm", Ppm(inputs_[0]));
  const auto ran =
      Run({"picture.ppm", "--count", "5", "--profile", "--isa", "portable", "--threads", "2"});
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  for (int64_t i = 0; i < 10; ++i) {
    char line[64];
    std::snprintf(line, sizeof(line), "%6lld  %.9g\n", static_cast<long long>(i),
                  static_cast<double>(expected_[0].data<float>()[i]));
    EXPECT_NE(ran.output.find(line), std::string::npos) << line << ran.output;
  }
  EXPECT_NE(ran.output.find("latency of 5 runs on portable, 2 threads: p50 "), std::string::npos)
      << ran.output;
  EXPECT_NE(ran.output.find("strided_copy  (s2d)"), std::string::npos) << ran.output;
}

TEST_F(RunProgram, ReadsRawTensorsAndNpyAlike) {
  const std::string pixels(reinterpret_cast<const char*>(inputs_[0].raw()), 192);
  const std::string head = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 8, 8, 3), }";
  std::string padded = head + std::string(117 - head.size(), ' ') + "\n";
  Write("x.raw", pixels);
  Write("x.npy", std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(padded.size()) + '\0' +
                     padded + pixels);
  const std::string raw = Run({"x.raw"}).output;
  const std::string npy = Run({"x.npy"}).output;
  EXPECT_EQ(raw.substr(0, raw.find("latency")), npy.substr(0, npy.find("latency")));
  EXPECT_NE(raw.find("scores\n"), std::string::npos) << raw;
}

TEST_F(RunProgram, SaysWhatIsWrongWithItsInput) {
  Write("short.ppm", Ppm(inputs_[0]).substr(0, 100));
  Write("large.ppm", "P6 9 8 255\n" + std::string(9 * 8 * 3, 'x'));
  Write("lying.npy", std::string("\x93NUMPY\x01\x00\xff\xff", 10) + "{}");
  Write("text", "hello, this is text");
  const std::vector<std::tuple<std::vector<std::string>, int, const char*>> cases = {
      {{"absent"}, 5, "absent: cannot open"},
      {{"short.ppm"}, 3, "the picture is cut short"},
      {{"large.ppm"}, 3, "a picture of 8x9 with 3 channels; the model reads 8x8 with 3"},
      {{"lying.npy"}, 3, "a .npy with a lying header"},
      {{"text"}, 3, "no PPM, PGM or .npy, and 19 bytes where a raw input has 192"},
      {{"--isa", "neon"}, 6, "does not have the instruction set"},
      {{"--raw-in", "text"}, 2, "goes with --raw-out"},
      {{"--raw-in", "text", "--raw-out", "y"}, 3, "19 bytes; expected a multiple of 192"},
      {{"--count", "0"}, 2, "expected 1..1000000"},
      {{"--threads", "65"}, 2, "expected 1..64, or 0 for one a core"},
      {{"--speed"}, 2, "unknown option"}};
  for (const auto& [arguments, code, text] : cases) {
    const auto ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, code) << ran.output;
    EXPECT_NE(ran.output.find(text), std::string::npos) << ran.output;
  }
}

class RunPython : public RunProgram {
 protected:
  void SetUp() override {
    if (Start({"python3", "-c", "import numpy"}).exit_code != 0) {
      GTEST_SKIP() << "python3 has no numpy here";
    }
    Write("meta.yaml", kMeta);
  }
  ProcessResult RunPy(const std::vector<std::string>& pictures) {
    std::vector<std::string> command = {
        "python3", (testing::SmallArtefact() / "python/run.py").string(), "-c", "meta.yaml", "-i"};
    command.insert(command.end(), pictures.begin(), pictures.end());
    return Start(command);
  }
};

TEST_F(RunPython, WritesOutputJsonWithTheLibrarysScores) {
  Write("picture.ppm", Ppm(inputs_[0]));
  const auto ran = RunPy({"picture.ppm"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output;
  const std::string json = *ReadTextFile(folder_.path() / "output/output.json");
  std::string scores;
  for (int64_t i = 0; i < 10; ++i) {
    scores += fmt::format("{:.17g},", static_cast<double>(expected_[0].data<float>()[i]));
  }
  const auto same = Start(
      {"python3", "-c",
       "import json, sys; j = json.load(open('output/output.json')); s = [float(x) for x in "
       "sys.argv[1].split(',') if x]; p = j['results'][0]['prediction']; assert {q['class']['id']: "
       "q['probability'] for q in p} == dict(enumerate(s)), (p, s); assert p[0]['probability'] == "
       "max(s); assert j['classes'][1]['name'] == 'a: \"b\"'; assert j['task'] == "
       "'IMAGE.CLASSIFICATION'; assert set(j['benchmark']) == {'pre', 'inference', 'post', "
       "'total'}",
       scores});
  EXPECT_EQ(same.exit_code, 0) << same.output << json;
}

TEST_F(RunPython, AnswersFromTheThresholdOn) {
  std::string meta = kMeta;
  meta.replace(meta.find("IMAGE.CLASSIFICATION"), 20, "IMAGE.MULTI_LABEL_CLASSIFICATION");
  const size_t post = meta.find("POST_PROCESSOR: null");
  if (post != std::string::npos) meta.resize(post);
  Write("meta.yaml", meta + "POST_PROCESSOR:\n- Threshold: 0.1\n");
  Write("picture.ppm", Ppm(inputs_[0]));
  const auto ran = RunPy({"picture.ppm"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output;
  const auto same = Start(
      {"python3", "-c",
       "import json; j = json.load(open('output/output.json')); assert j['threshold'] == 0.1; "
       "assert j['task'] == 'IMAGE.MULTI_LABEL_CLASSIFICATION'; p = j['results'][0]['prediction']; "
       "assert all(q['answered'] == (q['probability'] >= 0.1) for q in p), p"});
  EXPECT_EQ(same.exit_code, 0) << same.output;
}

// A network reads what it was trained on only if pictures become the same numbers everywhere.
TEST_F(RunPython, ReadsPicturesAsTheImageModuleDoes) {
  std::mt19937 random(11);
  for (const auto& [height, width, channels] :
       {std::tuple(13, 21, 3), std::tuple(5, 4, 1), std::tuple(8, 8, 3)}) {
    image::Image picture{height, width, channels, {}};
    for (int32_t i = 0; i < height * width * channels; ++i) {
      picture.pixels.push_back(static_cast<uint8_t>((i * 3 + random() % 40) % 256));
    }
    ASSERT_TRUE(WriteFile(folder_.path() / "picture.png", *image::EncodePng(picture)).ok());
    Bytes expected;
    for (const auto method : {image::ResizeMethod::kNearest, image::ResizeMethod::kBilinear,
                              image::ResizeMethod::kArea}) {
      const image::PreprocessSpec spec = {
          .height = 8, .width = 9, .channels = 4 - channels, .resize = method};
      const Tensor pixels = image::ToPixels(picture, spec);
      const Tensor values =
          image::NormalizePixels(pixels, image::Normalize::kPerImageStandardization);
      expected.insert(expected.end(), pixels.raw(), pixels.raw() + pixels.bytes());
      expected.insert(expected.end(), values.raw(), values.raw() + values.bytes());
    }
    const auto ran = Start(
        {"python3", "-B", "-c",
         "import sys; sys.path.insert(0, sys.argv[1]); import run\n"
         "p = run.to_channels(run.load_picture('picture.png'), int(sys.argv[2]))\n"
         "with open('pixels', 'wb') as f:\n"
         "  for m in ('NEAREST', 'BILINEAR', 'AREA'):\n"
         "    r = run.resize(p, (8, 9), m)\n"
         "    f.write(r.tobytes() + run.normalize(r, 'per_image_standardization').tobytes())\n",
         (testing::SmallArtefact() / "python").string(), std::to_string(4 - channels)});
    ASSERT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_EQ(*ReadFile(folder_.path() / "pixels"), expected) << height << "x" << width;
  }
}

TEST_F(RunPython, SaysWhatIsWrong) {
  Write("short.ppm", Ppm(inputs_[0]).substr(0, 100));
  Write("short.png", std::string("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0", 18));
  for (const auto& [picture, text] : {std::pair("absent.png", "absent.png: No such file"),
                                      std::pair("short.ppm", "the picture is cut short"),
                                      std::pair("short.png", "the PNG has no header")}) {
    const auto ran = RunPy({picture});
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_NE(ran.output.find(text), std::string::npos) << ran.output;
  }
}

}  // namespace
}  // namespace bluestem
