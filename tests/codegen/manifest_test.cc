#include <fstream>

#include "bluestem/codegen/digest.h"
#include "tests/codegen/fixture.h"

namespace bluestem {
namespace {

namespace fs = std::filesystem;
using codegen::CheckArtefact;
using codegen::ReadManifest;
using testing::TestFolder;

// A copy of an artefact that a test may damage.
class Manifest : public ::testing::Test {
 protected:
  void SetUp() override {
    artefact_ = folder_.path() / "small";
    fs::copy(testing::SmallArtefact(), artefact_, fs::copy_options::recursive);
  }
  void WriteManifest(const std::string& text) {
    std::ofstream(artefact_ / "manifest.json", std::ios::trunc) << text;
  }
  // Replaces text of the manifest.
  void Edit(const std::string& from, const std::string& to) {
    auto text = ReadTextFile(artefact_ / "manifest.json");
    const size_t at = text->find(from);
    ASSERT_NE(at, std::string::npos);
    WriteManifest(text->replace(at, from.size(), to));
  }
  void ExpectInvalid(const std::string& part) {
    const Status status = CheckArtefact(artefact_);
    EXPECT_EQ(status.code(), Code::kInvalidData);
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  }

  TestFolder folder_;
  Path artefact_;
};

TEST_F(Manifest, AcceptsWhatEmitWrote) {
  EXPECT_TRUE(CheckArtefact(artefact_).ok());
  const auto manifest = ReadManifest(artefact_);
  ASSERT_TRUE(manifest.ok());
  EXPECT_EQ(manifest->format_version, 1);
  EXPECT_EQ(manifest->tool_version, "test");
  EXPECT_EQ(manifest->model_hash, testing::SmallNetwork(1)->model_hash);
  EXPECT_NE(manifest->json.find("made by hand"), std::string::npos);
  EXPECT_NE(manifest->json.find("-ffp-contract=off"), std::string::npos);
  EXPECT_GT(manifest->files.size(), 20u);
}

TEST_F(Manifest, NamesADamagedFile) {
  std::ofstream(artefact_ / "models/src/weights.cc", std::ios::app) << "\n";
  ExpectInvalid("models/src/weights.cc is damaged: its SHA-256 is ");
}

TEST_F(Manifest, NamesAMissingFile) {
  fs::remove(artefact_ / "models/src/model.cc");
  ExpectInvalid("models/src/model.cc is missing");
}

TEST_F(Manifest, DoesNotFollowALinkOutOfTheArtefact) {
  fs::rename(artefact_ / "README.md", folder_.path() / "README.md");
  fs::create_symlink(folder_.path() / "README.md", artefact_ / "README.md");
  ExpectInvalid("README.md is missing");
}

TEST_F(Manifest, RefusesANewerFormat) {
  Edit("\"format_version\": 1", "\"format_version\": 2");
  ExpectInvalid("format version 2; this program reads version 1: use a newer bluestem");
}

TEST_F(Manifest, RefusesPathsThatLeadOut) {
  for (const char* path : {"../README.md", "/etc/passwd", "models/../../x", "a\\\\b", ""}) {
    fs::remove_all(artefact_);
    SetUp();
    Edit("\"path\": \"README.md\"", std::string("\"path\": \"") + path + "\"");
    ExpectInvalid("leads out of the artefact");
  }
}

TEST_F(Manifest, RefusesWhatIsNoManifest) {
  for (const char* text : {"", "{", "[]", "{}", "null", "{\"format\": 3}"}) {
    WriteManifest(text);
    ExpectInvalid("is no artefact manifest");
  }
  WriteManifest(R"({"format": "bluestem-artefact"})");
  ExpectInvalid("has no number 'format_version'");
  WriteManifest(R"({"format": "bluestem-artefact", "format_version": 1, "files": 3})");
  ExpectInvalid("has no list 'files'");
  WriteManifest(R"({"format": "bluestem-artefact", "format_version": 1, "files": [{}]})");
  ExpectInvalid("files[0] needs the texts 'path' and 'sha256'");
  WriteManifest(std::string(200000, '['));
  ExpectInvalid("is no artefact manifest");
  fs::remove(artefact_ / "manifest.json");
  ExpectInvalid("no artefact: it has no manifest.json");
}

TEST_F(Manifest, RefusesADuplicateAndABadHash) {
  Edit("\"path\": \"README.md\"", "\"path\": \"bin/bluestem-run\"");
  ExpectInvalid("bin/bluestem-run is listed twice");
  Edit("\"sha256\": \"", "\"sha256\": \"x");
  ExpectInvalid("is no SHA-256");
}

TEST(Digest, IsSha256) {
  EXPECT_EQ(codegen::Sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace bluestem
