#include "bluestem/train/internal/teacher.h"

#include <algorithm>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/internal/device.h"

namespace bluestem::train {
namespace {

template <typename... Values>
Status Refuse(const std::string& folder, fmt::format_string<Values...> format, Values&&... values) {
  return Error(Code::kInvalidArgument, "distillation.teacher: got {}; {}", folder,
               fmt::format(format, std::forward<Values>(values)...));
}

// "28x28x1, divide_by_255": what a network must agree on to read the same batch.
std::string InputText(const config::DataConfig& data) {
  return fmt::format("{}x{}x{}, {}", data.height, data.width, data.channels, data.normalize);
}

Status CheckFinished(const std::string& folder) {
  const RunPaths paths{folder};
  std::error_code ignored;
  if (!std::filesystem::exists(paths.State(), ignored)) {
    return Refuse(folder,
                  "no run is there (run.json is missing); expected the folder of a finished run: "
                  "train the teacher first, with `bluestem train -o {}`",
                  folder);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const RunState state, ReadRunState(paths));
  if (state.status == "finished") return OkStatus();
  return Refuse(folder,
                "that run is at step {} of {}; expected a finished one: go on with `bluestem train "
                "-o {} --resume`",
                state.step, state.steps, folder);
}

Status CheckClasses(const std::string& folder, const std::vector<std::string>& own,
                    const std::vector<std::string>& student) {
  constexpr const char* kWayOut =
      "expected the same classes in the same order: train the teacher on the same data, or set "
      "`classes`";
  if (own.size() != student.size()) {
    return Refuse(folder, "it knows {} classes and this experiment has {}; {}", own.size(),
                  student.size(), kWayOut);
  }
  const auto differ = std::mismatch(own.begin(), own.end(), student.begin());
  if (differ.first == own.end()) return OkStatus();
  return Refuse(folder, "its class {} is \"{}\" and this experiment's is \"{}\"; {}",
                differ.first - own.begin(), *differ.first, *differ.second, kWayOut);
}

}  // namespace

Result<std::unique_ptr<Teacher>> Teacher::Open(const config::Experiment& student,
                                               const task::Meta& meta, int64_t rank) {
  const std::string& folder = student.distillation.teacher;
  BLUESTEM_RETURN_IF_ERROR(CheckFinished(folder));
  auto teacher = std::make_unique<Teacher>();
  BLUESTEM_ASSIGN_OR_RETURN(teacher->run_, OpenSavedRun(folder));
  const SavedRun& run = teacher->run_;
  if (run.meta.task != meta.task) {
    return Refuse(folder, "its task is {} and this experiment's {}; expected the same",
                  run.meta.task, meta.task);
  }
  BLUESTEM_RETURN_IF_ERROR(CheckClasses(folder, run.meta.classes, meta.classes));
  const std::string own = InputText(run.experiment.data), wanted = InputText(student.data);
  if (own != wanted) {
    return Refuse(folder,
                  "it reads {} and this experiment {}; expected the same input: set "
                  "data.image_size, data.channels and data.normalize alike in both",
                  own, wanted);
  }
  if (student.train.device == "cuda") {
    run.module->UseDevice(CudaDeviceOf(rank, FindCuda()));
  } else if (run.experiment.train.arithmetic == "integer") {
    run.module->UseIntegers(edge::CpuIsas());
  }
  return teacher;
}

std::vector<float> Teacher::Scores(int64_t count, const float* images) {
  return run_.module->Scores({.count = count, .images = images, .labels = nullptr});
}

}  // namespace bluestem::train
