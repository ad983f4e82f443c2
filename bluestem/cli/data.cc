// bluestem data check: what is in a dataset and what is wrong with it.
// bluestem data show: a contact sheet of it.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/contact_sheet.h"
#include "bluestem/cli/data_report.h"
#include "bluestem/data/dataset.h"

namespace bluestem::cli {
namespace {

// Which dataset: a path, or what a configuration means.
struct Source {
  std::string path;
  std::string config;
  std::string format = "auto";
  std::string validation;
};

struct Opened {
  std::string name;
  std::unique_ptr<data::Dataset> train;
  std::unique_ptr<data::Dataset> validation;  // nullptr: none
};

void AddSource(CommandLine& line, Source& source) {
  line.Add("PATH", source.path, "Folder (or idx image file) of the dataset");
  line.Add("-c,--config", source.config, "Configuration that names the dataset, in place of PATH");
  line.Add("--format", source.format, "auto, folder, idx, cifar10, cifar100 or csv").ShowDefault();
}

Result<Opened> Open(const Source& source) {
  if (source.path.empty() == source.config.empty()) {
    return Error(Code::kInvalidArgument, "give either PATH or -c CONFIG");
  }
  Opened opened;
  if (!source.config.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(source.config));
    BLUESTEM_ASSIGN_OR_RETURN(data::Split split, data::OpenForTraining(experiment));
    return Opened{experiment.data.path, std::move(split.train), std::move(split.validation)};
  }
  opened.name = source.path;
  const bool divided = data::HasValidationSplit(source.format, source.path);
  // Without a configuration nothing says what an uncertain label means: it is counted, as 0.
  data::OpenOptions options = {.format = source.format,
                               .path = source.path,
                               .split = "train",
                               .csv = {.uncertain = data::Uncertain::kZero}};
  BLUESTEM_ASSIGN_OR_RETURN(opened.train, data::Open(options));
  if (!divided && source.validation.empty()) return opened;
  const Path path = source.validation.empty() ? source.path : source.validation;
  const bool own_split = data::HasValidationSplit(source.format, path);
  options.path = path;
  options.split = own_split ? "validation" : "";
  options.classes = opened.train->classes();
  BLUESTEM_ASSIGN_OR_RETURN(opened.validation, data::Open(options));
  return opened;
}

int64_t Cores() {
  return std::max<int64_t>(1, std::thread::hardware_concurrency());
}

Status RunCheck(const Source& source, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const Opened opened, Open(source));
  const int64_t total =
      opened.train->size() + (opened.validation == nullptr ? 0 : opened.validation->size());
  const auto progress = [&](int64_t done) {
    output.Progress(fmt::format("{} of {} pictures read", CountText(done), CountText(total)));
    return !Interrupted();
  };
  BLUESTEM_ASSIGN_OR_RETURN(const data::CheckReport report,
                            data::Check(*opened.train, opened.validation.get(), Cores(), progress));
  output.Line("{}\n{}", opened.name, CheckText(report));
  output.Json(CheckJson(report));
  const auto is_uncertain = [](const data::SplitReport& split) {
    return std::any_of(split.uncertain.begin(), split.uncertain.end(),
                       [](int64_t count) { return count != 0; });
  };
  if (source.config.empty() &&
      std::any_of(report.splits.begin(), report.splits.end(), is_uncertain)) {
    output.Warn("uncertain marks (-1) count as 0 here; training asks for data.uncertain");
  }
  if (report.clean()) return OkStatus();
  size_t unreadable = 0;
  for (const data::SplitReport& split : report.splits) unreadable += split.unreadable.size();
  return Error(Code::kInvalidData,
               "{}: {} unreadable pictures, {} of validation that stand in train too; remove them",
               opened.name, unreadable, report.leaks.size());
}

struct ShowOptions {
  Source source;
  std::string output = "sheet.png";
  std::string each;  // folder for the pictures one by one; empty: none
  bool validation = false;
  int64_t count = 60;
  int64_t columns = 10;
  int64_t seed = 1;
};

// Writes the sheet's pictures one by one, named by place and class. An unreadable one is left out:
// the sheet says so.
Status WriteEach(const data::Dataset& dataset, const ShowOptions& options) {
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(options.each));
  int64_t place = 0;
  for (const int64_t index :
       ChooseForSheet(dataset, options.count, static_cast<uint64_t>(options.seed))) {
    const auto sample = dataset.Get(index);
    if (!sample.ok()) continue;
    std::string name = LabelText(dataset, index);
    std::replace(name.begin(), name.end(), '/', '-');
    name.resize(std::min<size_t>(name.size(), 100));  // of many classes the first
    BLUESTEM_ASSIGN_OR_RETURN(const Bytes png, image::EncodePng(sample->image));
    BLUESTEM_RETURN_IF_ERROR(
        WriteFile(Path(options.each) / fmt::format("{:03}_{}.png", ++place, name), png));
  }
  return OkStatus();
}

Status RunShow(const ShowOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const Opened opened, Open(options.source));
  if (options.validation && opened.validation == nullptr) {
    return Error(Code::kInvalidArgument, "--validation: {} has no validation split", opened.name);
  }
  const data::Dataset& dataset = options.validation ? *opened.validation : *opened.train;
  SheetOptions sheet_options{.count = options.count,
                             .columns = options.columns,
                             .seed = static_cast<uint64_t>(options.seed),
                             .title = ""};
  Path name = Path(opened.name).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  sheet_options.title = fmt::format("{}{}: {} pictures, {} classes", name.filename().string(),
                                    options.validation ? " (validation)" : "",
                                    CountText(dataset.size()), dataset.classes().size());
  const Sheet sheet = ContactSheet(dataset, sheet_options);
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes png, image::EncodePng(sheet.image));
  BLUESTEM_RETURN_IF_ERROR(WriteFile(options.output, png));
  if (!options.each.empty()) BLUESTEM_RETURN_IF_ERROR(WriteEach(dataset, options));
  output.Line("{}: {} of {} pictures, {} x {} pixels", options.output, sheet.shown,
              CountText(dataset.size()), sheet.image.width, sheet.image.height);
  if (sheet.unreadable > 0)
    output.Warn("{} of them are unreadable; bluestem data check names them", sheet.unreadable);
  output.Json({{"file", options.output},
               {"shown", sheet.shown},
               {"unreadable", sheet.unreadable},
               {"size", dataset.size()},
               {"classes", dataset.classes()}});
  return OkStatus();
}

}  // namespace

Command DataCheckCommand() {
  return {.name = "data check",
          .usage = "PATH | -c CONFIG",
          .summary = "Check a dataset: counts, sizes, unreadable or equal pictures, leaks",
          .description =
              "Reads every picture and reports counts, classes, balance and sizes, unreadable "
              "pictures,\n"
              "pictures with equal pixels, and pictures of the validation set that stand in the "
              "training\n"
              "set too. Ends with 3 when a picture is unreadable or leaks.",
          .example = "bluestem data check images\nbluestem data check -c config.yaml --json",
          .codes = {Code::kInvalidData, Code::kIo},
          .setup = [](CommandLine& line) -> Runner {
            auto source = std::make_shared<Source>();
            AddSource(line, *source);
            line.Add("--validation", source->validation,
                     "Validation pictures, where they lie elsewhere");
            return [source](Output& output) { return RunCheck(*source, output); };
          }};
}

Command DataShowCommand() {
  return {
      .name = "data show",
      .usage = "PATH | -c CONFIG [-o SHEET.png]",
      .summary = "Write a contact sheet of a dataset",
      .description =
          "Writes one picture with many of a dataset, each with its class. The choice takes from "
          "each\n"
          "class in turn and depends on the seed only.",
      .example = "bluestem data show images -o sheet.png --count 80 --seed 3",
      .codes = {Code::kInvalidData, Code::kIo},
      .setup = [](CommandLine& line) -> Runner {
        auto options = std::make_shared<ShowOptions>();
        AddSource(line, options->source);
        line.Add("-o,--output", options->output, "The PNG to write").ShowDefault();
        line.Add("--each", options->each, "Also write its pictures one by one, in this folder");
        line.Flag("--validation", options->validation, "Show the validation split");
        line.Add("--count", options->count, "Pictures on the sheet").Range(1, 1000).ShowDefault();
        line.Add("--columns", options->columns, "Pictures in a row").Range(1, 50).ShowDefault();
        line.Add("--seed", options->seed, "Seed of the choice").Range(0, INT64_MAX).ShowDefault();
        return [options](Output& output) { return RunShow(*options, output); };
      }};
}

}  // namespace bluestem::cli
