// Meta: what travels with a model so that a picture can be put in and an answer read: classes,
// task, input spec. The file is meta.yaml, with the seed's keys: TASK, CLASSES, IMAGE_SIZE,
// DATA_FORMAT, PRE_PROCESSOR, POST_PROCESSOR. A model with any number of classes a picture answers
// scores in 0..1, and its post-processor is {Threshold: t}.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/base/status.h"
#include "bluestem/image/spec.h"

namespace bluestem::task {

inline constexpr const char* kClassification = "IMAGE.CLASSIFICATION";
inline constexpr const char* kMultiLabel = "IMAGE.MULTI_LABEL_CLASSIFICATION";

struct Meta {
  std::string task = kClassification;
  std::vector<std::string> classes;
  image::PreprocessSpec preprocess;
  double threshold = 0.5;  // least score of a class that is answered; of kMultiLabel

  bool multi_label() const { return task == kMultiLabel; }
};

// Reads meta.yaml, ours or Blueoil's. Errors: kInvalidData with file:line:column, key, value and
// what is allowed. An unknown pre-processor is an error that names it: guessing would change
// answers.
Result<Meta> ParseMeta(const std::string& yaml, const std::string& name);
Result<Meta> ReadMeta(const Path& path);
std::string MetaToYaml(const Meta& meta);

}  // namespace bluestem::task
