// Meta: what travels with a model so that a picture can be put in and an answer read: classes,
// task, input spec. The file is meta.yaml, with the seed's keys: TASK, CLASSES, IMAGE_SIZE,
// DATA_FORMAT, PRE_PROCESSOR, POST_PROCESSOR.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/base/status.h"
#include "bluestem/image/spec.h"

namespace bluestem::task {

struct Meta {
  std::string task = "IMAGE.CLASSIFICATION";
  std::vector<std::string> classes;
  image::PreprocessSpec preprocess;
};

// Reads meta.yaml, ours or Blueoil's. Errors: kInvalidData with file:line:column, key, value and
// what is allowed. An unknown pre-processor is an error that names it: guessing would change
// answers.
Result<Meta> ParseMeta(const std::string& yaml, const std::string& name);
Result<Meta> ReadMeta(const Path& path);
std::string MetaToYaml(const Meta& meta);

}  // namespace bluestem::task
