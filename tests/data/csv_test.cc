#include <gmock/gmock.h>

#include "bluestem/data/formats/csv_table.h"
#include "tests/data/data_fixture.h"

namespace bluestem::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string TableRefusal(const std::string& text) {
  const Result<CsvTable> table = ParseCsv(text, "t.csv");
  EXPECT_FALSE(table.ok());
  return table.ok() ? "" : table.status().message();
}

TEST(CsvTable, ReadsQuotesBreaksAndBothLineEnds) {
  const Result<CsvTable> table = ParseCsv(
      "\xef\xbb\xbf"
      "a,\"b \"\"x\"\"\"\r\n\"1,2\",\"two\nlines\"\n\n,last\"quote",
      "t.csv");
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_THAT(table->header, ElementsAre("a", "b \"x\""));
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_THAT(table->rows[0].fields, ElementsAre("1,2", "two\nlines"));
  EXPECT_THAT(table->rows[1].fields, ElementsAre("", "last\"quote"));
  EXPECT_EQ(table->rows[0].line, 2);
  EXPECT_EQ(table->rows[1].line, 5);
}

TEST(CsvTable, KeepsEmptyFieldsAndALoneCarriageReturn) {
  const Result<CsvTable> table = ParseCsv("a,b,c\n,\"\",x\ry\n", "t.csv");
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_THAT(table->rows[0].fields, ElementsAre("", "", "x\ry"));
}

TEST(CsvTable, RefusesWhatCannotBeRead) {
  EXPECT_THAT(TableRefusal("a,b\n1,\"x\ny"), StartsWith("t.csv:2: a quote begins here"));
  EXPECT_THAT(TableRefusal("a,b\n1,\"x\"y\n"), StartsWith("t.csv:2: got text after a closing"));
  EXPECT_THAT(TableRefusal("a,b\n1,2\n1,2,3\n"), StartsWith("t.csv:3: got 3 columns; expected 2"));
  EXPECT_THAT(TableRefusal("\n"), StartsWith("t.csv:1: empty"));
}

class Csv : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    Picture("a.png", 1);
    Picture("b.png", 2);
    Picture("deep/er/c.png", 3);
  }
  void Table(const std::string& text, const std::string& name = "labels.csv") {
    Write(name, Bytes(text.begin(), text.end()));
  }
  Result<std::unique_ptr<Dataset>> OpenWith(const CsvColumns& columns,
                                            LabelCount labels = LabelCount::kAsFound) {
    return Open({.path = root_, .labels = labels, .csv = columns});
  }
};

TEST_F(Csv, ListsOfLabelsMakeClassesSortedWithoutRegardToCase) {
  Table(
      "Image Index,Finding Labels,Age\na.png,Mass|effusion,40\nb.png,No Finding,50\n"
      "c.png, Nodule ,60\n");
  const auto dataset = OpenRoot();
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_EQ(*DetectFormat(root_), "csv");
  EXPECT_THAT((*dataset)->classes(), ElementsAre("effusion", "Mass", "Nodule"));
  EXPECT_TRUE((*dataset)->multi_label());
  EXPECT_THAT((*dataset)->Labels(0), ElementsAre(0, 1));
  EXPECT_THAT((*dataset)->Labels(1), ElementsAre());
  EXPECT_THAT((*dataset)->Labels(2), ElementsAre(2));
  EXPECT_EQ((*dataset)->Label(1), -1);
  EXPECT_EQ((*dataset)->Get(2)->image.pixels[0], 3);  // found below
}

TEST_F(Csv, ChestXray14IsReadAsItIs) {
  Table(
      "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
      "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
      "a.png,Cardiomegaly|Effusion,0,1,058Y,M,PA,2682,2749,0.143,0.143,\n"
      "c.png,No Finding,0,2,081Y,M,PA,2500,2048,0.171,0.171,\n");
  const auto dataset = OpenWith({}, LabelCount::kAny);
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_THAT((*dataset)->classes(), ElementsAre("Cardiomegaly", "Effusion"));
  EXPECT_THAT((*dataset)->Labels(1), ElementsAre());
}

TEST_F(Csv, ColumnsOfZeroAndOneKeepTheirOrder) {
  Table("image,Zebra,Ant,No Finding\na.png,1,1.0,0\nb.png,0,0,1\ndeep/er/c.png,0.0,1,0\n");
  const auto dataset = OpenRoot();
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_THAT((*dataset)->classes(), ElementsAre("Zebra", "Ant"));
  EXPECT_THAT((*dataset)->Labels(0), ElementsAre(0, 1));
  EXPECT_THAT((*dataset)->Labels(1), ElementsAre());
  EXPECT_THAT((*dataset)->Labels(2), ElementsAre(1));
}

TEST_F(Csv, OneLabelEachIsOrdinaryClassification) {
  Table("image,label\na,cat\nb,dog\nc,cat\n");  // names without extension
  const auto dataset = OpenWith({}, LabelCount::kOne);
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_FALSE((*dataset)->multi_label());
  EXPECT_FALSE((*OpenRoot())->multi_label());
  EXPECT_TRUE((*OpenWith({}, LabelCount::kAny))->multi_label());
  EXPECT_EQ((*dataset)->Label(1), 1);
}

TEST_F(Csv, ColumnsCanBeNamed) {
  Table("x,file,y,Ant,Bee\n1,a.png,oops,0,1\n2,b.png,oops,1,1\n");
  const auto marks = OpenWith({.image = "file", .labels = {"Bee", "Ant"}});
  ASSERT_TRUE(marks.ok()) << marks.status().message();
  EXPECT_THAT((*marks)->classes(), ElementsAre("Bee", "Ant"));
  const auto list = OpenWith({.image = "file", .labels = {"x"}, .no_label = "2"}, LabelCount::kAny);
  EXPECT_THAT(list.status().message(), HasSubstr("one class only (\"1\")"));
}

TEST_F(Csv, KnownClassesChooseColumnsAndOrder) {
  Table("image,age,Ant,Bee\na.png,40,0,1\nb.png,50,1,1\n");
  const auto dataset = OpenRoot("", {"Bee", "Ant"});
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_THAT((*dataset)->Labels(0), ElementsAre(0));
  Table("image,labels\na.png,Bee\nb.png,Wasp\n");
  EXPECT_THAT(Refusal("", {"Bee", "Ant"}),
              HasSubstr("labels.csv:3: class \"Wasp\" is not among the 2 expected ones: Bee, Ant"));
}

TEST_F(Csv, SplitsAreFilesOfTheirNames) {
  Table("image,labels\na.png,x\nb.png,y\n", "train.csv");
  EXPECT_FALSE(HasValidationSplit("auto", root_));
  Table("image,labels\nc.png,y\n", "val.csv");
  EXPECT_TRUE(HasValidationSplit("auto", root_));
  const auto validation = OpenRoot("validation", (*OpenRoot("train"))->classes());
  ASSERT_TRUE(validation.ok()) << validation.status().message();
  EXPECT_EQ((*validation)->Label(0), 1);
  EXPECT_THAT(Refusal(), HasSubstr("divided into splits"));
  EXPECT_EQ((*Open({.path = root_ / "val.csv", .classes = {"x", "y"}}))->size(), 1);
  EXPECT_THAT(Open({.path = root_ / "val.csv", .split = "validation"}).status().message(),
              HasSubstr("no validation split; expected train.csv and validation.csv, valid.csv"));
}

TEST_F(Csv, AFolderWithOneOtherTableMustBeCalledCsv) {
  Table("image,labels\na.png,x\nb.png,y\n", "Data_Entry.csv");
  EXPECT_EQ(*DetectFormat(root_), "folder");
  EXPECT_EQ((*Open({.format = "csv", .path = root_}))->size(), 2);
  Table("", "other.csv");
  EXPECT_THAT(Open({.format = "csv", .path = root_}).status().message(),
              HasSubstr("2 CSV files (Data_Entry.csv, other.csv, ...)"));
  std::filesystem::remove(root_ / "other.csv");
  std::filesystem::remove(root_ / "Data_Entry.csv");
  EXPECT_THAT(Open({.format = "csv", .path = root_}).status().message(),
              HasSubstr("no CSV file; expected"));
}

TEST_F(Csv, NamesAPictureThatIsMissing) {
  Table("image,labels\na.png,x\nz.png,y\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:3: no picture \"z.png\" in "));
  Table("image,labels\na.png,x\n,y\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:3: got no picture"));
}

TEST_F(Csv, NamesAPictureThatMayBeTwo) {
  Picture("other/c.png", 4);
  Table("image,labels\na.png,x\nc.png,y\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:3: \"c.png\" may be "));
}

TEST_F(Csv, NamesAPictureThatIsThereAgain) {
  Table("image,labels\nc.png,x\nb.png,y\ndeep/er/c.png,y\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:4: picture \"deep/er/c.png\" again, which line 2"));
}

TEST_F(Csv, NamesAColumnThatIsMissing) {
  Table("image,labels\na.png,x\nb.png,y\n");
  EXPECT_THAT(OpenWith({.image = "file"}).status().message(),
              HasSubstr("labels.csv:1: no column \"file\"; expected one of image, labels: correct "
                        "data.image_column"));
  EXPECT_THAT(OpenWith({.labels = {"tags"}}).status().message(),
              HasSubstr("no column \"tags\"; expected one of image, labels: correct "
                        "data.label_columns"));
}

TEST_F(Csv, NamesAColumnThatIsThereTwice) {
  Table("image,x,x\na.png,0,1\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:1: column \"x\" is there twice"));
}

TEST_F(Csv, NamesAValueThatIsNeitherZeroNorOne) {
  Table("image,x,y\na.png,0,1\nb.png,yes,1\n");
  EXPECT_THAT(Refusal(),
              HasSubstr("labels.csv:3: column \"x\": got \"yes\"; expected 0, 1 or nothing, which "
                        "is 0 (if it is no class, list the classes' columns in "
                        "data.label_columns)"));
  for (const char* value : {"-2", "2", "0.5", "-", "-1.5", "u", "1,1"}) {
    Table(std::string("image,x,y\na.png,0,1\nb.png,\"") + value + "\",1\n");
    for (const Uncertain uncertain : {Uncertain::kRefuse, Uncertain::kZero, Uncertain::kOne}) {
      EXPECT_THAT(OpenWith({.uncertain = uncertain}).status().message(),
                  HasSubstr(std::string("labels.csv:3: column \"x\": got \"") + value + "\""));
    }
  }
}

// Columns and marks of CheXpert's train.csv.
constexpr char kCheXpert[] =
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Fracture,Mass\n"
    "a.png,Female,68,Frontal,AP,1.0,,,\n"
    "b.png,Male,87,Lateral,,,-1.0,0.0,1.0\n"
    "deep/er/c.png,Male,83,Frontal,PA,,1.0,-1.0,-1\n";

TEST_F(Csv, AnEmptyFieldOfAColumnOfZeroAndOneIsZero) {
  Table("image,x,y\na.png,,1\nb.png,1,\nc.png,, \n");
  const auto dataset = OpenRoot();
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_THAT((*dataset)->Labels(0), ElementsAre(1));
  EXPECT_THAT((*dataset)->Labels(1), ElementsAre(0));
  EXPECT_THAT((*dataset)->Labels(2), ElementsAre());
}

TEST_F(Csv, AColumnThatNobodyNamedIsNoClassWhereItIsEmpty) {
  Table("image,x,notes,y\na.png,0,,1\nb.png,1,,0\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:1: column \"notes\" is empty in every row; expected "
                                   "0 or 1 (if it is no class, list the classes' columns in "
                                   "data.label_columns)"));
  EXPECT_EQ((*OpenWith({.labels = {"x", "notes"}}))->classes().size(), 2U);
  EXPECT_EQ((*OpenRoot("", {"notes", "y"}))->classes()[0], "notes");
}

TEST_F(Csv, AnUncertainLabelIsRefusedUntilTheConfigurationSaysWhatItMeans) {
  Table(kCheXpert);
  const std::vector<std::string> findings = {"Edema", "Fracture", "Mass"};
  EXPECT_THAT(
      OpenWith({.labels = findings}).status().message(),
      HasSubstr("labels.csv:3: column \"Edema\": got \"-1.0\", an uncertain label; expected "
                "0, 1 or nothing, or data.uncertain: zero or one, which says what it "
                "means"));
  const auto zero = OpenWith({.labels = findings, .uncertain = Uncertain::kZero}).value();
  EXPECT_THAT(zero->Labels(0), ElementsAre());
  EXPECT_THAT(zero->Labels(1), ElementsAre(2));
  EXPECT_THAT(zero->Labels(2), ElementsAre(0));
  const auto one = OpenWith({.labels = findings, .uncertain = Uncertain::kOne}).value();
  EXPECT_THAT(one->Labels(0), ElementsAre());
  EXPECT_THAT(one->Labels(1), ElementsAre(0, 2));
  EXPECT_THAT(one->Labels(2), ElementsAre(0, 1, 2));
  for (const auto* dataset : {&zero, &one}) {
    EXPECT_THAT((*dataset)->UncertainLabels(0), ElementsAre());
    EXPECT_THAT((*dataset)->UncertainLabels(1), ElementsAre(0));
    EXPECT_THAT((*dataset)->UncertainLabels(2), ElementsAre(1, 2));
  }
}

TEST_F(Csv, TheConfigurationSaysWhatAnUncertainLabelMeansInBothParts) {
  Table(kCheXpert, "train.csv");
  Table("Path,Edema,Fracture,Mass\na.png,-1,0,1\n", "valid.csv");
  config::Experiment experiment;
  experiment.task = "multi_label_classification";
  experiment.data.format = "csv";
  experiment.data.path = root_.string();
  experiment.data.label_columns = {"Edema", "Fracture", "Mass"};
  EXPECT_THAT(OpenForTraining(experiment).status().message(), HasSubstr("data.uncertain"));
  experiment.data.uncertain = "zero";
  EXPECT_THAT(OpenForTraining(experiment)->validation->Labels(0), ElementsAre(2));
  experiment.data.uncertain = "one";
  const Split split = OpenForTraining(experiment).value();
  EXPECT_THAT(split.train->Labels(1), ElementsAre(0, 2));
  EXPECT_THAT(split.validation->Labels(0), ElementsAre(0, 2));
}

TEST_F(Csv, RefusesATableWithoutClasses) {
  Table("image,labels\na.png,No Finding\nb.png,\n");
  EXPECT_THAT(Refusal(), HasSubstr("no class: column \"labels\" has no label"));
  Table("image;labels\na.png;x\n");
  EXPECT_THAT(Refusal(), HasSubstr("got one column, \"image;labels\"; expected that of the "
                                   "pictures and at least one of labels, with commas"));
  Table("image,labels\n");
  EXPECT_THAT(Refusal(), HasSubstr("no rows; expected one for each picture"));
}

TEST_F(Csv, RefusesALabelTwiceAndNoneBesideOne) {
  Table("image,labels\na.png,x|y|x\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:2: got \"x\" twice"));
  Table("image,labels\na.png,x|No Finding\n");
  EXPECT_THAT(Refusal(), HasSubstr("labels.csv:2: got \"x|No Finding\", which is data.no_label"));
}

TEST_F(Csv, RefusesSeveralLabelsWhereOneIsAsked) {
  Table("image,labels\na.png,x\nb.png,x|y\n");
  EXPECT_THAT(OpenWith({}, LabelCount::kOne).status().message(),
              HasSubstr("labels.csv:3: got several labels; expected one"));
  Table("image,labels\na.png,x\nb.png,\n");
  EXPECT_THAT(OpenWith({}, LabelCount::kOne).status().message(),
              HasSubstr("labels.csv:3: got no labels; expected one"));
}

TEST_F(Csv, FoldersCannotHaveAnyNumberOfClasses) {
  Picture("cat/1.png", 1);
  Picture("dog/1.png", 1);
  EXPECT_THAT(OpenWith({}, LabelCount::kAny).status().message(),
              HasSubstr("data format folder has one class a picture; expected csv"));
}

TEST_F(Csv, SplitKeepsRareClassesInBothParts) {
  std::string table = "image,labels\n";
  for (int i = 0; i < 40; ++i) {
    Picture("p" + std::to_string(i) + ".png", static_cast<uint8_t>(i));
    table += "p" + std::to_string(i) + ".png," + (i < 30 ? "common" : "") +
             (i % 10 == 0 ? "|rare" : "") + "\n";
  }
  Table(table);
  const Split split = SplitBySeed(OpenRoot().value(), 0.5, 3);
  int rare = 0, none = 0;
  for (int64_t i = 0; i < split.validation->size(); ++i) {
    EXPECT_TRUE(split.validation->multi_label());
    const std::vector<int32_t> labels = split.validation->Labels(i);
    rare += static_cast<int>(std::count(labels.begin(), labels.end(), 1));
    none += labels.empty() ? 1 : 0;
  }
  EXPECT_EQ(rare, 2);  // of 4
  EXPECT_EQ(none, 5);  // of 9, rounded half up
}

}  // namespace
}  // namespace bluestem::data
