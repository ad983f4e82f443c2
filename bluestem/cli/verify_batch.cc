#include <cstring>
#include <random>

#include "bluestem/cli/verify.h"
#include "bluestem/ir/evaluate.h"

namespace bluestem::cli {
namespace {

constexpr uint64_t kSeed = 1;

// Returns image `at` of `images` that lie one after the other, as a batch of one.
Tensor ImageOf(const Tensor& whole, int64_t at, int64_t images) {
  Shape shape = whole.shape();
  shape[0] /= images;
  Tensor image(whole.dtype(), shape);
  std::memcpy(image.raw(), whole.raw() + at * image.bytes(), static_cast<size_t>(image.bytes()));
  return image;
}

Status Refused(int64_t batch, const std::string& why) {
  return Error(
      Code::kUnsupported,
      "--batch {}: {}; the file fixes its batch inside, or mixes images: export it with an "
      "open batch, or convert it without --batch",
      batch, why);
}

}  // namespace

Result<core::LoadedModel> LoadBatch(const core::ModelSource& source) {
  Result<core::LoadedModel> model = core::LoadSource(source);
  if (model.ok() || source.batch <= 1) return model;
  core::ModelSource one = source;
  one.batch = 1;
  if (!core::LoadSource(one).ok()) return model;  // it is not the batch
  return Refused(source.batch, model.status().message());
}

Status VerifyBatch(const core::ModelSource& source, const core::LoadedModel& model) {
  if (model.batch == 1) return OkStatus();
  core::ModelSource one = source;
  one.batch = 1;
  BLUESTEM_ASSIGN_OR_RETURN(const core::LoadedModel alone, core::LoadSource(one));
  std::mt19937_64 random(kSeed);
  std::vector<Tensor> batch;
  for (const ir::ValueId id : model.graph.inputs) {
    batch.emplace_back(DType::kF32, model.graph.value(id).shape);
    for (int64_t i = 0; i < batch.back().size(); ++i) {
      batch.back().data<float>()[i] = static_cast<float>(random() >> 40) / (1 << 24);
    }
  }
  BLUESTEM_ASSIGN_OR_RETURN(const auto together, ir::Evaluate(model.graph, batch));
  for (int64_t image = 0; image < model.batch; ++image) {
    std::vector<Tensor> inputs;
    for (const Tensor& input : batch) {
      inputs.push_back(ImageOf(input, image, model.batch));
    }
    BLUESTEM_ASSIGN_OR_RETURN(const auto wanted, ir::Evaluate(alone.graph, inputs));
    for (size_t o = 0; o < wanted.size(); ++o) {
      const std::string& name = model.graph.value(model.graph.outputs[o]).name;
      Shape shape = wanted[o].shape();
      if (!shape.empty()) shape[0] *= model.batch;
      if (shape.empty() || together[o].shape() != shape) {
        return Refused(model.batch,
                       fmt::format("the output \"{}\" is {}, and {} of one image", name,
                                   ShapeText(together[o].shape()), ShapeText(wanted[o].shape())));
      }
      if (ImageOf(together[o], image, model.batch) != wanted[o]) {
        return Refused(
            model.batch,
            fmt::format("the output \"{}\" of image {} is not what it is of that image alone", name,
                        image));
      }
    }
  }
  return OkStatus();
}

}  // namespace bluestem::cli
