// A contact sheet: pictures of a dataset in a grid, each with its class, for people to look at.
//
// Threads: a pure function of its arguments.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/data/dataset.h"
#include "bluestem/image/image.h"

namespace bluestem::cli {

struct SheetOptions {
  int64_t count = 60;  // pictures, taken from each class in turn
  int64_t columns = 10;
  int32_t cell = 96;  // side of a picture's place in pixels
  uint64_t seed = 1;  // of the choice
  std::string title;
};

struct Sheet {
  image::Image image;
  int64_t shown = 0;
  int64_t unreadable = 0;  // among the shown; their places say so
};

// Returns the names of a picture's classes, "Mass, Nodule"; "-" for none.
std::string LabelText(const data::Dataset& dataset, int64_t index);

// Returns up to `count` indices of the dataset: each class in turn gives one more of its shuffled
// members; in the order of the sheet.
std::vector<int64_t> ChooseForSheet(const data::Dataset& dataset, int64_t count, uint64_t seed);

// Requires: a dataset that is not empty; positive options.
Sheet ContactSheet(const data::Dataset& dataset, const SheetOptions& options);

}  // namespace bluestem::cli
