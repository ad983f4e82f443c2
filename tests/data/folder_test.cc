#include <gmock/gmock.h>

#include "tests/data/data_fixture.h"

namespace bluestem::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Folder = FolderTest;

TEST_F(Folder, ClassesAreSortedWithoutRegardToCaseAndHiddenFilesAreIgnored) {
  Picture("dog/1.png", 1);
  Picture("Cat/b.PNG", 2);
  Picture("Cat/deep/er/a.png", 3);
  Write("ant/x.jpg", image::EncodeJpeg(image::SmoothImage(5, 5, 3)));
  Write("Cat/.hidden.png", {1});
  Write("Cat/notes.txt", {1});
  Picture(".git/x.png", 4);
  ASSERT_TRUE(MakeFolder(root_ / "empty").ok());
  const auto dataset = OpenRoot();
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_THAT((*dataset)->classes(), ElementsAre("ant", "Cat", "dog"));
  ASSERT_EQ((*dataset)->size(), 4);
  EXPECT_EQ((*dataset)->Label(0), 0);
  EXPECT_EQ((*dataset)->Name(1), (root_ / "Cat/b.PNG").string());
  EXPECT_EQ((*dataset)->Name(2), (root_ / "Cat/deep/er/a.png").string());
  EXPECT_EQ((*dataset)->Get(3)->image.pixels[0], 1);
}

TEST_F(Folder, SplitsAreFoundByTheirNames) {
  for (const char* name : {"validation", "valid", "val", "test"}) {
    Picture("train/a/1.png", 1);
    Picture("train/b/1.png", 2);
    Picture(std::string(name) + "/b/1.png", 3);
    const auto train = OpenRoot("train");
    ASSERT_TRUE(train.ok());
    EXPECT_EQ((*train)->size(), 2);
    const auto validation = OpenRoot("validation", (*train)->classes());
    ASSERT_TRUE(validation.ok()) << validation.status().message();
    EXPECT_EQ((*validation)->size(), 1);
    EXPECT_EQ((*validation)->Label(0), 1);
    EXPECT_TRUE(HasValidationSplit("auto", root_));
    EXPECT_THAT(Refusal(), HasSubstr("divided into splits"));
    std::filesystem::remove_all(root_);
  }
}

TEST_F(Folder, AnUndividedFolderIsAllTraining) {
  Picture("a/1.png", 1);
  Picture("b/1.png", 2);
  EXPECT_EQ((*OpenRoot("train"))->size(), 2);
  EXPECT_THAT(Refusal("validation"), HasSubstr("no validation split"));
  EXPECT_FALSE(HasValidationSplit("auto", root_));
}

TEST_F(Folder, TheGivenClassesAreTheLabels) {
  Picture("a/1.png", 1);
  Picture("b/1.png", 2);
  const auto dataset = OpenRoot("", {"b", "c", "a"});
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ((*dataset)->Label(0), 2);
  EXPECT_EQ((*dataset)->Label(1), 0);
  EXPECT_THAT(Refusal("", {"a", "c"}),
              HasSubstr("class \"b\" is not among the 2 expected ones: a, c"));
}

TEST_F(Folder, AMissingEmptyOrOneClassFolderIsNamed) {
  EXPECT_THAT(Refusal(),
              HasSubstr("no pictures; expected " + root_.string() + "/CLASS/picture.jpg"));
  Picture("loose.png", 1);
  EXPECT_THAT(Refusal(), HasSubstr("holds pictures but no class folders"));
  Picture("cat/1.png", 1);
  EXPECT_THAT(Refusal(), HasSubstr("one class only (\"cat\"); expected at least two"));
  const auto missing = Open({.path = root_ / "none"});
  EXPECT_EQ(missing.status().code(), Code::kIo);
  EXPECT_THAT(missing.status().message(), HasSubstr("none: no such file or folder"));
  Write("file.txt", {1, 2});
  EXPECT_THAT(Open({.path = root_ / "file.txt"}).status().message(),
              HasSubstr("class folders: PATH/CLASS"));
  EXPECT_THAT(Open({.format = "zip", .path = root_}).status().message(),
              HasSubstr("expected auto, idx"));
  EXPECT_THAT(Open({.path = root_, .split = "dev"}).status().message(),
              HasSubstr("expected train or validation"));
}

TEST_F(Folder, ATruncatedPictureIsNamed) {
  Picture("a/1.png", 1);
  Bytes jpeg = image::EncodeJpeg(image::RandomImage(32, 32, 3, 1));
  jpeg.resize(jpeg.size() / 2);
  Write("b/cut.jpg", jpeg);
  const auto dataset = OpenRoot();
  ASSERT_TRUE(dataset.ok());
  const auto sample = (*dataset)->Get(1);
  EXPECT_EQ(sample.status().code(), Code::kInvalidData);
  EXPECT_THAT(sample.status().message(), HasSubstr("cut.jpg: JPEG: truncated or corrupt at row"));
}

TEST_F(Folder, ALoopOfLinksEnds) {
  Picture("a/1.png", 1);
  Picture("b/1.png", 2);
  std::filesystem::create_directory_symlink(root_, root_ / "a/loop");
  EXPECT_EQ((*OpenRoot())->size(), 2);
}

TEST_F(Folder, TrainingTakesTheOwnSplitOrASeededShare) {
  for (int i = 0; i < 10; ++i) {
    Picture("a/" + std::to_string(i) + ".png", static_cast<uint8_t>(i));
    Picture("b/" + std::to_string(i) + ".png", static_cast<uint8_t>(100 + i));
  }
  config::Experiment experiment;
  experiment.data.path = root_.string();
  experiment.data.validation_fraction = 0.2;
  const auto shared = OpenForTraining(experiment);
  ASSERT_TRUE(shared.ok()) << shared.status().message();
  EXPECT_EQ(shared->train->size(), 16);
  EXPECT_EQ(shared->validation->size(), 4);

  Picture("held/b/1.png", 1);  // validation in a folder of its own, with one of the classes
  experiment.data.path = (root_ / "train").string();
  Picture("train/a/1.png", 1);
  Picture("train/b/1.png", 2);
  experiment.data.validation = (root_ / "held").string();
  const auto own = OpenForTraining(experiment);
  ASSERT_TRUE(own.ok()) << own.status().message();
  EXPECT_EQ(own->train->size(), 2);
  EXPECT_EQ(own->validation->Label(0), 1);
}

}  // namespace
}  // namespace bluestem::data
