#include "bluestem/cli/subject.h"

#include <chrono>
#include <random>

#include "bluestem/cli/machine.h"
#include "bluestem/cli/verify.h"
#include "bluestem/core/core.h"
#include "bluestem/core/model_source.h"
#include "bluestem/predict/predictor.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kSeed = 1;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The picture that --image names, decoded before anything is measured.
struct Picture {
  image::Image image;
  task::Meta meta;
};

Result<task::Meta> MetaForPicture(const Path& meta, const SubjectOptions& options) {
  if (meta.empty()) {
    return Error(Code::kInvalidArgument,
                 "--image {}: {} has no meta.yaml that says how pictures go in; give --meta FILE, "
                 "or leave --image out for random codes",
                 options.image, options.model);
  }
  return task::ReadMeta(meta);
}

Status SetInputs(Subject& subject, const SubjectOptions& options, const Picture& picture) {
  const std::vector<program::TensorInfo>& infos = subject.session->inputs();
  if (options.image.empty()) {
    subject.inputs = RandomInputs(infos);
    subject.input = fmt::format("random codes (seed {})", kSeed);
    return OkStatus();
  }
  if (infos.size() != 1) {
    return Error(Code::kInvalidArgument,
                 "--image {}: the model has {} inputs, a picture is one; leave --image out for "
                 "random codes",
                 options.image, infos.size());
  }
  const image::PreprocessSpec& spec = picture.meta.preprocess;
  BLUESTEM_RETURN_IF_ERROR(predict::CheckInput(infos[0], spec));
  const Tensor pixels = image::ToPixels(picture.image, spec);
  subject.inputs = {predict::MakeInput({&pixels, 1}, spec.normalize, infos[0])};
  subject.input = "picture " + options.image;
  return OkStatus();
}

// Marks where memory and time of loading begin.
Clock::time_point BeginLoading(Subject& subject) {
  subject.peak_reset = ResetPeak();
  subject.baseline_bytes = ReadMemory().bytes;
  return Clock::now();
}

// Where the files of a compiled model lie; what is not there is an empty path.
struct CompiledPlace {
  Path library;
  Path meta;
  core::ModelSource source;  // with an empty model_file where the model is not beside the library
};

Result<CompiledPlace> FindLibrary(const SubjectOptions& options,
                                  const core::ModelSource* artefact) {
  CompiledPlace place;
  std::error_code error;
  if (artefact != nullptr) {
    BLUESTEM_ASSIGN_OR_RETURN(place.library, core::HostLibrary(artefact->path));
    place.source = *artefact;
  } else {
    place.library = options.model;
    if (!fs::exists(place.library, error)) {
      return Error(Code::kIo, "{}: no such file; give an artefact's folder or its library",
                   options.model);
    }
    const Path models = fs::absolute(place.library).parent_path().parent_path();
    place.source.path = place.source.model_file = models / "model.onnx";
    place.source.meta_file = models / "meta.yaml";
    if (!fs::exists(place.source.meta_file, error)) place.source.meta_file.clear();
  }
  if (!fs::exists(place.source.model_file, error)) place.source.model_file.clear();
  place.meta = options.meta.empty() ? place.source.meta_file : Path(options.meta);
  return place;
}

Result<Subject> OpenCompiled(const SubjectOptions& options, const core::ModelSource* artefact) {
  Subject subject;
  subject.engine = "compiled";
  BLUESTEM_ASSIGN_OR_RETURN(const CompiledPlace place, FindLibrary(options, artefact));
  subject.library = place.library.string();
  Picture picture;
  if (!options.image.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(picture.image, ReadPicture(options.image));
    BLUESTEM_ASSIGN_OR_RETURN(picture.meta, MetaForPicture(place.meta, options));
  }
  const auto start = BeginLoading(subject);
  BLUESTEM_ASSIGN_OR_RETURN(
      subject.session,
      runtime::LoadLibrary(place.library, options.isa, static_cast<int32_t>(options.threads)));
  subject.load_seconds = SecondsSince(start);
  const bool codes =
      !subject.session->inputs().empty() && subject.session->inputs()[0].dtype == DType::kU8;
  subject.program = [source = place.source,
                     codes]() -> Result<std::shared_ptr<const program::Program>> {
    if (source.model_file.empty()) return std::shared_ptr<const program::Program>();
    return core::CompileSource(source, codes);
  };
  BLUESTEM_RETURN_IF_ERROR(SetInputs(subject, options, picture));
  return subject;
}

Result<Subject> OpenInterpreter(const SubjectOptions& options, const core::ModelSource& source) {
  Subject subject;
  subject.engine = "interpreter";
  Picture picture;
  if (!options.image.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(picture.image, ReadPicture(options.image));
    BLUESTEM_ASSIGN_OR_RETURN(picture.meta, MetaForPicture(source.meta_file, options));
  }
  const auto start = BeginLoading(subject);
  BLUESTEM_ASSIGN_OR_RETURN(const auto program, core::CompileSource(source, true));
  BLUESTEM_ASSIGN_OR_RETURN(
      subject.session,
      runtime::Interpret(program, options.isa, static_cast<int32_t>(options.threads)));
  subject.load_seconds = SecondsSince(start);
  subject.program = [program]() -> Result<std::shared_ptr<const program::Program>> {
    return program;
  };
  BLUESTEM_RETURN_IF_ERROR(SetInputs(subject, options, picture));
  return subject;
}

}  // namespace

Result<image::Image> ReadPicture(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return Error(Code::kIo, "--image {}: no such file; give a .jpg or .png picture", path);
  }
  return image::DecodeFile(path);
}

std::vector<Tensor> RandomInputs(const std::vector<program::TensorInfo>& infos) {
  std::mt19937_64 random(kSeed);
  std::vector<Tensor> tensors;
  for (const program::TensorInfo& info : infos) {
    Tensor tensor(info.dtype, info.shape);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const uint64_t word = random();
      if (info.dtype == DType::kU8) {
        tensor.data<uint8_t>()[i] = static_cast<uint8_t>(word >> 56);
      } else if (info.dtype == DType::kS32) {
        tensor.data<int32_t>()[i] = static_cast<int32_t>(word >> 56);
      } else {
        tensor.data<float>()[i] = static_cast<float>(word >> 40) / (1 << 24);
      }
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void AddSubjectOptions(CommandLine& line, SubjectOptions& options) {
  line.Add("MODEL", options.model,
           "An artefact or its libbluestem_*.so, a run folder, an .onnx or a .pb file")
      .Required();
  line.Add("--image", options.image, "Run on this picture (default: random codes)");
  line.Add("--meta", options.meta, "meta.yaml for --image (default: the model's)");
  AddIsaOption(line, options.isa);
  AddThreadsOption(line, options.threads);
}

Result<Subject> OpenSubject(const SubjectOptions& options) {
  Result<Subject> subject = Subject();
  if (Path(options.model).extension() == ".so") {
    subject = OpenCompiled(options, nullptr);
  } else {
    BLUESTEM_ASSIGN_OR_RETURN(const core::ModelSource source,
                              core::FindModel(options.model, options.meta));
    subject = source.kind == core::ModelSource::Kind::kArtefact ? OpenCompiled(options, &source)
                                                                : OpenInterpreter(options, source);
  }
  if (subject.ok()) subject->name = options.model;
  return subject;
}

}  // namespace bluestem::cli
