#include "bluestem/cli/wizard.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "bluestem/cli/command.h"
#include "bluestem/config/fields.h"

namespace bluestem::cli {
namespace {

constexpr int64_t kLargestSuggestion = 128;
constexpr size_t kClassesShown = 6;

struct Question {
  const char* key;
  const char* text;
  const char* suggestion;  // instead of the value in the experiment; nullptr: that value
};

constexpr Question kAboutModel[] = {{"name", "Name of the experiment", nullptr},
                                    {"task", "Task", nullptr},
                                    {"network.name", "Network", nullptr},
                                    {"data.format", "Format of the dataset", "auto"}};
constexpr Question kPath = {"data.path", "Path of the training pictures", nullptr};
constexpr Question kValidation = {"data.validation", "Path of the validation pictures", nullptr};
constexpr Question kAboutColumns[] = {
    {"data.image_column", "Column of the pictures (empty: the first)", nullptr},
    {"data.label_columns", "Columns of the labels, as a,b,c (empty: found by their names)", ""},
    {"data.uncertain", "What -1, an uncertain label, means", nullptr}};
constexpr Question kAboutTraining[] = {
    {"train.batch", "Batch size", nullptr},
    {"data.image_size", "Size of the network's input, as 32x32", nullptr},
    {"train.epochs", "Epochs", nullptr},
    {"train.optimizer", "Optimizer", nullptr},
    {"train.learning_rate", "Initial learning rate", nullptr},
    {"train.schedule", "Schedule of the learning rate", nullptr}};
constexpr Question kAboutAugmentation[] = {{"augmentation.pad_crop", "Random shift, pixels", "2"},
                                           {"augmentation.flip", "Mirror left to right", "true"},
                                           {"augmentation.brightness", "Brightness, share", "0.2"},
                                           {"augmentation.contrast", "Contrast, share", "0.2"},
                                           {"augmentation.saturation", "Saturation, share", "0.2"},
                                           {"augmentation.hue", "Hue, turns", "0.05"},
                                           {"augmentation.rotate", "Rotation, degrees", "0"},
                                           {"augmentation.cutout", "Cutout, side in pixels", "0"}};

class Wizard {
 public:
  Wizard(std::istream& in, std::ostream& out, config::Experiment& experiment)
      : in_(in), out_(out), experiment_(experiment) {}

  Status AskAll() {
    out_ << "Enter takes the value in brackets; Ctrl-C leaves without writing.\n\n";
    for (const Question& question : kAboutModel) BLUESTEM_RETURN_IF_ERROR(Ask(question));
    BLUESTEM_RETURN_IF_ERROR(AskPath());
    BLUESTEM_RETURN_IF_ERROR(AskValidation());
    for (const Question& question : kAboutTraining) BLUESTEM_RETURN_IF_ERROR(Ask(question));
    BLUESTEM_RETURN_IF_ERROR(AskAugmentation());
    bool eight_bit = experiment_.data.normalize == "divide_by_255";
    BLUESTEM_RETURN_IF_ERROR(
        AskYes("Let the first layer read 8-bit pixels (no: standardize each picture)", eight_bit));
    experiment_.data.normalize = eight_bit ? "divide_by_255" : "per_image_standardization";
    return OkStatus();
  }

 private:
  Status ReadLine(std::string& line) {
    out_.flush();
    line.clear();
    if (!std::getline(in_, line))
      return Status(Code::kInterrupted, "the answers ended; nothing was written");
    if (Interrupted()) return InterruptedStatus();
    const size_t begin = line.find_first_not_of(" \t\r");
    const size_t end = line.find_last_not_of(" \t\r");
    line = begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
    return OkStatus();
  }

  // What Enter takes, as Set reads it.
  std::string DefaultOf(const Question& question) const {
    if (question.suggestion != nullptr) return question.suggestion;
    config::Experiment copy = experiment_;
    const config::Field& field = *config::FindField(question.key);
    const config::Ref ref = field.ref(copy);
    const auto* text = std::get_if<std::string*>(&ref);
    return text != nullptr ? **text : config::ValueText(field, experiment_);
  }

  // Asks until the answer is right, by itself and with what was answered before.
  Status Ask(const Question& question) {
    const config::Field& field = *config::FindField(question.key);
    const std::string suggestion = DefaultOf(question);
    const std::string allowed =
        *field.choices == '\0' ? "" : fmt::format(" ({})", config::AllowedText(field));
    while (true) {
      out_ << question.text << allowed << (suggestion.empty() ? "" : " [" + suggestion + "]")
           << ": ";
      std::string answer;
      BLUESTEM_RETURN_IF_ERROR(ReadLine(answer));
      const config::Experiment before = experiment_;
      const Status status =
          config::Set(experiment_, question.key, answer.empty() ? suggestion : answer);
      const config::Violation violation = config::FirstViolation(experiment_);
      if (status.ok() && std::string(violation.key) != question.key) return OkStatus();
      out_ << "  "
           << (status.ok() ? fmt::format("{}: {}", violation.key, violation.message)
                           : status.message())
           << "\n";
      experiment_ = before;
    }
  }

  Status AskYes(const char* text, bool& value) {
    while (true) {
      out_ << text << (value ? " [yes]: " : " [no]: ");
      std::string answer;
      BLUESTEM_RETURN_IF_ERROR(ReadLine(answer));
      if (answer.empty()) return OkStatus();
      const bool yes = answer == "y" || answer == "yes" || answer == "true";
      if (yes || answer == "n" || answer == "no" || answer == "false") {
        value = yes;
        return OkStatus();
      }
      out_ << "  got \"" << answer << "\"; expected yes or no\n";
    }
  }

  // Whether the columns may be what is wrong.
  bool IsTable() const {
    const Result<std::string> format = data::DetectFormat(experiment_.data.path);
    return format.ok() && (experiment_.data.format == "csv" || *format == "csv");
  }

  Status AskPath() {
    while (true) {
      BLUESTEM_RETURN_IF_ERROR(Ask(kPath));
      Result<FoundData> found = FindData(experiment_);
      if (!found.ok() && IsTable()) {
        out_ << "  " << found.status().message() << "\n";
        for (const Question& question : kAboutColumns) BLUESTEM_RETURN_IF_ERROR(Ask(question));
        found = FindData(experiment_);
      }
      if (found.ok()) {
        out_ << "  found " << Describe(*found) << "\n";
        has_validation_ = found->has_validation;
        Suggest(*found, {}, experiment_);
        return OkStatus();
      }
      out_ << "  " << found.status().message() << "\n";
      experiment_.data.path.clear();
    }
  }

  Status AskValidation() {
    if (has_validation_) out_ << "  the dataset has a validation split of its own\n";
    bool elsewhere = !experiment_.data.validation.empty();
    BLUESTEM_RETURN_IF_ERROR(AskYes("Is there a validation set in another place", elsewhere));
    experiment_.data.validation.clear();
    while (elsewhere) {
      BLUESTEM_RETURN_IF_ERROR(Ask(kValidation));
      const Result<data::Split> split = data::OpenForTraining(experiment_);
      if (split.ok() && !experiment_.data.validation.empty()) {
        out_ << "  found " << split->validation->size() << " pictures\n";
        return OkStatus();
      }
      out_ << "  " << (split.ok() ? "expected a path" : split.status().message()) << "\n";
      experiment_.data.validation.clear();
    }
    return OkStatus();
  }

  Status AskAugmentation() {
    bool augment = true;
    BLUESTEM_RETURN_IF_ERROR(AskYes("Augment the training pictures", augment));
    if (!augment) {
      experiment_.augmentation = {};
      return OkStatus();
    }
    for (const Question& question : kAboutAugmentation) {
      const std::string key = question.key;
      const bool of_colour = key == "augmentation.saturation" || key == "augmentation.hue";
      if (of_colour && experiment_.data.channels == 1) continue;
      BLUESTEM_RETURN_IF_ERROR(Ask(question));
    }
    return OkStatus();
  }

  std::istream& in_;
  std::ostream& out_;
  config::Experiment& experiment_;
  bool has_validation_ = false;
};

// The multiple of the network's step nearest to `side`, at most kLargestSuggestion.
int64_t SideFor(const config::Experiment& experiment, int64_t side) {
  config::Experiment probe = experiment;
  probe.augmentation = {};
  int64_t best = 0;
  for (int64_t candidate = 4; candidate <= kLargestSuggestion; candidate += 4) {
    probe.data.height = probe.data.width = candidate;
    const bool fits = std::string(config::FirstViolation(probe).key) != "data.image_size";
    if (fits && (best == 0 || std::abs(candidate - side) < std::abs(best - side))) best = candidate;
  }
  return best == 0 ? experiment.data.height : best;
}

}  // namespace

Result<FoundData> FindData(const config::Experiment& experiment) {
  const config::DataConfig& config = experiment.data;
  FoundData found;
  found.format = config.format;
  if (config.format == "auto") {
    BLUESTEM_ASSIGN_OR_RETURN(found.format, data::DetectFormat(config.path));
  }
  data::OpenOptions options = data::OptionsOf(experiment);
  options.format = found.format;
  options.classes.clear();
  if (options.labels == data::LabelCount::kOne)
    options.labels = data::LabelCount::kAsFound;  // the task follows from it
  BLUESTEM_ASSIGN_OR_RETURN(const auto dataset, data::Open(options));
  found.multi_label = dataset->multi_label();
  found.classes = dataset->classes();
  found.count = dataset->size();
  found.has_validation = data::HasValidationSplit(found.format, config.path);
  BLUESTEM_ASSIGN_OR_RETURN(const data::Sample first, dataset->Get(0));
  found.height = first.image.height;
  found.width = first.image.width;
  found.channels = first.image.channels;
  return found;
}

void Suggest(const FoundData& found, const std::vector<std::string>& given,
             config::Experiment& experiment) {
  const auto is_given = [&](const char* key) {
    return std::find(given.begin(), given.end(), key) != given.end();
  };
  experiment.data.format = found.format;
  if (!is_given("task") && found.multi_label) experiment.task = "multi_label_classification";
  if (!is_given("data.channels")) experiment.data.channels = found.channels;
  if (is_given("data.image_size")) return;
  experiment.data.height = SideFor(experiment, found.height);
  experiment.data.width = SideFor(experiment, found.width);
}

std::string Describe(const FoundData& found) {
  const auto shown = static_cast<int64_t>(std::min(kClassesShown, found.classes.size()));
  return fmt::format("{}, {} classes ({}{}){}, {} pictures, the first {} x {} {}", found.format,
                     found.classes.size(),
                     fmt::join(found.classes.begin(), found.classes.begin() + shown, ", "),
                     found.classes.size() > kClassesShown ? ", ..." : "",
                     found.multi_label ? ", any number a picture" : "", CountText(found.count),
                     found.width, found.height, found.channels == 1 ? "grey" : "RGB");
}

Status AskAll(std::istream& in, std::ostream& out, config::Experiment& experiment) {
  return Wizard(in, out, experiment).AskAll();
}

}  // namespace bluestem::cli
