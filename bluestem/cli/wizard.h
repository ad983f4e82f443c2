// The questions of `bluestem init`, asked on any pair of streams. Each answer is checked as the
// configuration's parser would; a wrong one is explained and asked again.
//
// Threads: one Wizard belongs to one thread. Ownership: refers to the streams and the experiment.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "bluestem/config/experiment.h"
#include "bluestem/data/dataset.h"

namespace bluestem::cli {

// What was found at data.path.
struct FoundData {
  std::string format;
  std::vector<std::string> classes;
  int64_t count = 0;
  bool has_validation = false;
  bool multi_label = false;  // pictures have any number of the classes
  int32_t height = 0;        // of the first picture
  int32_t width = 0;
  int32_t channels = 0;
};

// Opens the training pictures that `experiment` names and looks at the first. Errors: as
// data::Open.
Result<FoundData> FindData(const config::Experiment& experiment);

// Fills what the pictures decide, for each key not in `given`: format, task, channels, and a size
// near the pictures' own that fits the network.
void Suggest(const FoundData& found, const std::vector<std::string>& given,
             config::Experiment& experiment);

// Returns "idx, 10 classes (T-shirt/top, Trouser, ...), 60,000 pictures, the first 28 x 28 grey".
std::string Describe(const FoundData& found);

// Asks Blueoil's questions in their order and writes the answers into `experiment`, whose values
// are the defaults. Errors: kInterrupted when the input ends.
Status AskAll(std::istream& in, std::ostream& out, config::Experiment& experiment);

}  // namespace bluestem::cli
