// Sample inputs to verify a conversion with: pictures that the user names, of the run's dataset, or
// random ones.
#pragma once

#include <string>
#include <vector>

#include "bluestem/core/model_source.h"
#include "bluestem/program/program.h"
#include "bluestem/tensor/tensor.h"

namespace bluestem::cli {

struct Sample {
  std::string name;
  std::vector<Tensor> pictures;  // u8 [h,w,c], one an image of a call; none where it reads none
  std::vector<Tensor> inputs;    // f32, as the graph that was read takes them
};

struct SampleSet {
  std::string origin;  // "8 random images (seed 1)", for the steps that are printed
  std::vector<Sample> samples;
};

// Takes `count` samples: from `images` (a picture, or a folder of them at any depth) where it is
// given, else from the dataset of a run's config.yaml where that can be opened, else seeded random
// ones. Errors: kIo and kInvalidData for `images`.
Result<SampleSet> TakeSamples(const core::ModelSource& source, const core::LoadedModel& model,
                              const Path& images, int64_t count);

// Returns the sample as the program's inputs, described by `infos`, take it. Errors: kInternal
// where shapes do not fit.
Result<std::vector<Tensor>> ProgramInputs(const Sample& sample, const core::LoadedModel& model,
                                          const std::vector<program::TensorInfo>& infos);

// Returns `tensor` under `shape`: as it is, or [n,c,h,w] made [n,h,w,c], whichever fits. Errors:
// kInternal naming both shapes.
Result<Tensor> InLayout(const Tensor& tensor, const Shape& shape);

}  // namespace bluestem::cli
