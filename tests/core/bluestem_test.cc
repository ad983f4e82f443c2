// The C interface, and the examples that use it and the C++ one.
#include "bluestem/core/bluestem.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdio>
#include <fstream>

#include "tests/core/small_model.h"

namespace bluestem::core {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Opened {
  bluestem_network* network;
  bluestem_request* request;

  explicit Opened(const std::string& name, const bluestem_settings* settings = nullptr)
      : network(bluestem_open(WriteModel(Scratch(name)).c_str(), settings)),
        request(bluestem_request_create(network)) {}
  ~Opened() {
    bluestem_request_destroy(request);
    bluestem_close(network);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  const char* input() const { return bluestem_network_input(network, 0)->name; }
  const char* output() const { return bluestem_network_output(network, 0)->name; }
  void SetPixels() const {
    const std::vector<uint8_t> pixels = Pixels();
    ASSERT_EQ(bluestem_request_set_input(request, input(), pixels.data(),
                                         static_cast<int64_t>(pixels.size())),
              0)
        << bluestem_last_error();
  }
  std::vector<float> Scores() const {
    std::vector<float> scores(5);
    EXPECT_EQ(bluestem_request_output(request, output(), scores.data(), 20), 0);
    return scores;
  }
};

TEST(CInterface, InfersAtOnceAndInTheBackground) {
  const Opened opened("infer");
  ASSERT_NE(opened.request, nullptr) << bluestem_last_error();
  const bluestem_port* port = bluestem_network_input(opened.network, 0);
  EXPECT_STREQ(port->dtype, "u8");
  ASSERT_EQ(port->rank, 4);
  EXPECT_EQ(port->shape[1], 8);
  EXPECT_EQ(port->bytes, 192);
  EXPECT_EQ(bluestem_network_input(opened.network, 1), nullptr);
  EXPECT_EQ(bluestem_network_outputs(opened.network), 1);
  opened.SetPixels();
  ASSERT_EQ(bluestem_request_infer(opened.request), 0) << bluestem_last_error();
  const std::vector<float> expected = opened.Scores();
  std::atomic<int> calls = 0;
  bluestem_request_set_callback(
      opened.request,
      [](void* user, int code) {
        static_cast<std::atomic<int>*>(user)->fetch_add(code == 0 ? 1 : 1000);
      },
      &calls);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(bluestem_request_start(opened.request), 0);
    while (bluestem_request_wait_for(opened.request, 1) == 0) {
    }
    EXPECT_EQ(bluestem_request_wait(opened.request), 0);
  }
  EXPECT_EQ(calls.load(), 3);
  EXPECT_EQ(opened.Scores(), expected);
}

TEST(CInterface, DevicesHaveNamesAndReasons) {
  ASSERT_GE(bluestem_device_count(), 3);
  EXPECT_STREQ(bluestem_device_name(0), "CPU");
  EXPECT_EQ(bluestem_device_reason(0), nullptr);
  EXPECT_EQ(bluestem_device_name(-1), nullptr);
  EXPECT_EQ(bluestem_device_name(99), nullptr);
  EXPECT_STRNE(bluestem_device_summary(0), "");
  EXPECT_EQ(bluestem_device_summary(99), nullptr);
  const int32_t count = bluestem_device_properties(0);
  ASSERT_GE(count, 1);
  EXPECT_STRNE(bluestem_device_property(0, 0)->name, "");
  EXPECT_STRNE(bluestem_device_property(0, count - 1)->value, "");
  EXPECT_EQ(bluestem_device_property(0, count), nullptr);
  EXPECT_EQ(bluestem_device_property(99, 0), nullptr);
}

TEST(CInterface, AProfileHasARowACall) {
  const Opened opened("profile");
  opened.SetPixels();
  ASSERT_EQ(bluestem_request_infer(opened.request), 0);
  EXPECT_EQ(bluestem_request_profile_rows(opened.request), 0);
  bluestem_op_profile row = {};
  EXPECT_EQ(bluestem_request_profile_row(opened.request, 0, &row), 2);
  EXPECT_THAT(bluestem_last_error(), HasSubstr("profile row 0 of 0; ask with"));
  bluestem_request_enable_profile(opened.request, 1);
  ASSERT_EQ(bluestem_request_infer(opened.request), 0);
  const int32_t rows = bluestem_request_profile_rows(opened.request);
  ASSERT_GE(rows, 1);
  int64_t macs = 0, nanoseconds = 0;
  for (int32_t i = 0; i < rows; ++i) {
    ASSERT_EQ(bluestem_request_profile_row(opened.request, i, &row), 0);
    EXPECT_STREQ(row.device, "CPU");
    EXPECT_STRNE(row.kernel, "");
    macs += row.macs;
    nanoseconds += row.nanoseconds;
  }
  EXPECT_GT(macs, 0);
  EXPECT_GT(nanoseconds, 0);
}

TEST(CInterface, RequestsThatStartTogetherAllEnd) {
  const Opened opened("together");
  EXPECT_EQ(std::string(bluestem_network_model_hash(opened.network)).size(), 64u);
  bluestem_request* second = bluestem_request_create(opened.network);
  opened.SetPixels();
  bluestem_request* both[] = {opened.request, second};
  EXPECT_EQ(bluestem_requests_start(both, 2), 2);  // the second has no input: none starts
  EXPECT_THAT(bluestem_last_error(), HasSubstr("was not set"));
  const std::vector<uint8_t> pixels = Pixels();
  bluestem_request_set_input(second, opened.input(), pixels.data(), 192);
  ASSERT_EQ(bluestem_requests_start(both, 2), 0) << bluestem_last_error();
  EXPECT_EQ(bluestem_request_wait(opened.request), 0);
  EXPECT_EQ(bluestem_request_wait(second), 0);
  std::vector<float> scores(5);
  EXPECT_EQ(bluestem_request_output(second, opened.output(), scores.data(), 20), 0);
  EXPECT_EQ(scores, opened.Scores());
  bluestem_request_destroy(second);
}

TEST(CInterface, SettingsChooseTheDeviceAndTheStreams) {
  bluestem_settings settings = {};
  settings.device = "REFERENCE";
  settings.streams = 3;
  const Opened reference("settings", &settings), plain("plain");
  EXPECT_EQ(bluestem_network_streams(reference.network), 3);
  for (const Opened* opened : {&reference, &plain}) {
    opened->SetPixels();
    ASSERT_EQ(bluestem_request_infer(opened->request), 0) << bluestem_last_error();
  }
  EXPECT_EQ(reference.Scores(), plain.Scores());
}

TEST(CInterface, AnExportOpensAgain) {
  const Opened opened("c_export");
  const std::string file = (Scratch("c_file") / "model.bluestem").string();
  ASSERT_EQ(bluestem_export(opened.network, file.c_str()), 0) << bluestem_last_error();
  bluestem_network* network = bluestem_open(file.c_str(), nullptr);
  ASSERT_NE(network, nullptr) << bluestem_last_error();
  EXPECT_STREQ(bluestem_network_input(network, 0)->name, opened.input());
  bluestem_close(network);
}

TEST(CInterface, WrongUseIsACodeAndAMessage) {
  EXPECT_EQ(bluestem_open(nullptr, nullptr), nullptr);
  EXPECT_THAT(bluestem_last_error(), HasSubstr("model is NULL"));
  EXPECT_EQ(bluestem_open("nowhere", nullptr), nullptr);
  EXPECT_THAT(bluestem_last_error(), HasSubstr("nowhere: no such file or folder"));
  EXPECT_EQ(bluestem_request_create(nullptr), nullptr);
  const Opened opened("wrong");
  EXPECT_EQ(bluestem_request_infer(opened.request), 2);
  EXPECT_THAT(bluestem_last_error(), HasSubstr("was not set"));
  const uint8_t bytes[192] = {};
  EXPECT_EQ(bluestem_request_set_input(opened.request, opened.input(), bytes, 191), 2);
  EXPECT_THAT(bluestem_last_error(), HasSubstr("got 191 bytes; it takes 192"));
  EXPECT_EQ(bluestem_request_set_input(opened.request, "z", bytes, 192), 2);
  EXPECT_THAT(bluestem_last_error(), HasSubstr("there is no input 'z'"));
  EXPECT_EQ(bluestem_request_set_input(opened.request, nullptr, bytes, 192), 2);
  float score = 0;
  EXPECT_EQ(bluestem_request_output(opened.request, opened.output(), &score, 4), 2);
  EXPECT_THAT(bluestem_last_error(), HasSubstr("no inference of this request"));
  EXPECT_EQ(bluestem_export(opened.network, "/nowhere/file"), 5);
  bluestem_close(nullptr);
  bluestem_request_destroy(nullptr);
}

std::string Output(const std::string& command, int* code) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  const int status = ::pclose(pipe);
  *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return text;
}

TEST(Examples, ClassifyAPictureInBothLanguages) {
  const Path folder = Scratch("examples");
  const std::string model = WriteModel(folder).string();
  const std::string picture = (folder / "picture.ppm").string();
  const std::vector<uint8_t> pixels = Pixels();
  std::string ppm = "P6\n8 8\n255\n";
  ppm.append(pixels.begin(), pixels.end());
  ASSERT_TRUE(WriteFile(picture, ppm).ok());
  std::string answers[2];
  int language = 0;
  for (const char* name : {"classify_cpp", "classify_c"}) {
    const std::string program = std::string(BLUESTEM_BINARY_DIR "/bin/") + name + " ";
    int code = 0;
    const std::string out = Output(program + model + " " + picture + " REFERENCE", &code);
    EXPECT_EQ(code, 0) << out;
    EXPECT_THAT(out, HasSubstr("class "));
    const size_t begin = out.find("class ");
    answers[language++] = out.substr(begin, out.find(" (", begin) - begin);
    EXPECT_THAT(Output(program + model + " " + model, &code), HasSubstr("not a binary PPM"));
    EXPECT_EQ(code, 3);
    EXPECT_THAT(Output(program + "nowhere " + picture, &code), StartsWith(name));
    EXPECT_NE(code, 0);
  }
  EXPECT_EQ(answers[0], answers[1]);
}

}  // namespace
}  // namespace bluestem::core
