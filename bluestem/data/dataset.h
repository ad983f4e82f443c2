// Dataset: labelled images by index. Two methods; everything else (split, cache, augmentation,
// batches) decorates.
//
//   auto train = data::Open({.format = "folder", .path = "images/train"});
//   data::Sample sample = (*train)->Get(0).value();
//
// Threads: Size, classes and Get may be called from several threads at once. Ownership: unique_ptr;
// decorators own what they decorate.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/base/status.h"
#include "bluestem/config/experiment.h"
#include "bluestem/image/image.h"

namespace bluestem::data {

struct Sample {
  image::Image image;
  int32_t label = 0;  // index into classes(); as Dataset::Label
  std::string name;   // file path, or "t10k-images-idx3-ubyte.gz#17"
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
  // Requires: 0 <= index < size(). Errors: kInvalidData naming the file.
  virtual Result<Sample> Get(int64_t index) const = 0;
  // Whether a picture has any number of the classes, none included; else it has exactly one.
  virtual bool multi_label() const { return false; }
  // Returns the label without decoding the image; with multi_label() the first one, -1 for none.
  virtual int32_t Label(int64_t index) const = 0;
  // Returns all labels, rising and without decoding the image.
  virtual std::vector<int32_t> Labels(int64_t index) const { return {Label(index)}; }
  // Returns the classes of which the data set leaves open whether the picture has them, rising;
  // Labels has them or not, as data.uncertain says.
  virtual std::vector<int32_t> UncertainLabels(int64_t) const { return {}; }
  virtual std::string Name(int64_t index) const = 0;
};

// Returns the error of `count` samples that cannot be read, `first` the first one's, with what to
// do.
Status UnreadableError(const Status& first, int64_t count);

// How many classes a picture has.
enum class LabelCount : uint8_t {
  kAsFound,  // what the data set shows: any number if a picture has none or several
  kOne,      // another number is an error
  kAny,      // the data set must be able to say so: csv
};

// What -1 in a column of 0 and 1 means.
enum class Uncertain : uint8_t { kRefuse, kZero, kOne };

// Which columns of a CSV file say what (docs/formats/datasets.md).
struct CsvColumns {
  std::string image;                    // "": the first column
  std::vector<std::string> labels;      // empty: found by their names
  std::string no_label = "No Finding";  // a label that means none
  Uncertain uncertain = Uncertain::kRefuse;
};

struct OpenOptions {
  std::string format = "auto";  // auto, folder, idx, cifar10, cifar100, csv
  Path path;                    // a folder, an idx image file or a CSV file
  // "": all of `path`, which must not be divided into splits. "train": the train split, or all of
  // `path` where it is not divided. "validation": also found as valid, val, test, t10k.
  std::string split = "";
  std::vector<std::string>
      classes;  // when not empty: the label order to use; a class outside it is
                // an error; names that are mere numbers take these by position
  LabelCount labels = LabelCount::kAsFound;
  CsvColumns csv = {};
};

// Returns where and how a configuration says that pictures lie: data.path, its format, classes and
// columns.
OpenOptions OptionsOf(const config::Experiment& experiment);

// Opens a dataset. Errors: kIo when missing; kInvalidData when empty, of one class only, or
// unrecognised, naming the path, what was found and which layouts are accepted
// (docs/formats/datasets.md).
Result<std::unique_ptr<Dataset>> Open(const OpenOptions& options);

// Returns the name of the format of `path` ("folder"). Errors: as Open.
Result<std::string> DetectFormat(const Path& path);
// Returns true when `path` is divided and has a validation split. `format` may be "auto".
bool HasValidationSplit(const std::string& format, const Path& path);

// Returns the samples of `base` at `indices`, in that order.
std::unique_ptr<Dataset> Subset(std::shared_ptr<const Dataset> base, std::vector<int64_t> indices);

struct Split {
  std::unique_ptr<Dataset> train;
  std::unique_ptr<Dataset> validation;
};
// Splits by a seeded permutation, per class (stratified): round(fraction * n_class) samples of each
// go to validation, but never all; where that is none, one of each class that has two. With several
// labels a sample counts for the one that is rarest in `base`, so that rare classes are in both
// parts; samples without one are a group of their own. Both keep the order of `base`.
Split SplitBySeed(std::shared_ptr<const Dataset> base, double fraction, uint64_t seed);

// Returns the two datasets that a configuration means: data.validation if it is set, else the
// data set's own validation split, else a share of each class by train.seed. Labels are in the
// order of experiment.classes, or of the training classes. Errors: as Open.
Result<Split> OpenForTraining(const config::Experiment& experiment);

// Returns the preprocessing that a configuration means.
image::PreprocessSpec SpecOf(const config::DataConfig& config);

}  // namespace bluestem::data
