#include "bluestem/cli/contact_sheet.h"

#include <algorithm>

#include "bluestem/base/rng.h"
#include "bluestem/image/draw.h"

namespace bluestem::cli {
namespace {

using image::Colour;
using image::Image;

constexpr int32_t kMargin = 16;
constexpr int32_t kGap = 10;
constexpr int32_t kLabelHeight = 14;
constexpr int32_t kTitleHeight = 30;
constexpr Colour kPaper = {250, 250, 248};
constexpr Colour kInk = {40, 44, 52};
constexpr Colour kFaint = {222, 222, 218};
constexpr Colour kAlarm = {200, 60, 50};

// The picture within cell x cell, enlarged by a whole factor or reduced by area.
Image Fit(const Image& picture, int32_t cell) {
  const int32_t longer = std::max(picture.height, picture.width);
  return longer <= cell ? image::Enlarge(picture, cell / longer) : image::Reduce(picture, cell);
}

void DrawCell(Image& sheet, const data::Dataset& dataset, int64_t index, const image::Box& box,
              Sheet& counts) {
  const Result<data::Sample> sample = dataset.Get(index);
  if (sample.ok()) {
    const Image fitted = Fit(sample->image, box.width);
    image::Paste(sheet, fitted, box.top + (box.height - fitted.height) / 2,
                 box.left + (box.width - fitted.width) / 2);
  } else {
    ++counts.unreadable;
    image::OutlineBox(sheet, box, kAlarm);
    image::DrawText(sheet, "unreadable", {box.top + box.height / 2 - 4, box.left + 8, kAlarm, 1});
  }
  const std::string label = image::FitText(LabelText(dataset, index), box.width, 1);
  image::DrawText(
      sheet, label,
      {box.top + box.height + 4, box.left + (box.width - image::TextWidth(label, 1)) / 2, kInk, 1});
}

}  // namespace

std::string LabelText(const data::Dataset& dataset, int64_t index) {
  std::string text;
  for (const int32_t label : dataset.Labels(index))
    text += (text.empty() ? "" : ", ") + dataset.classes()[static_cast<size_t>(label)];
  return text.empty() ? "-" : text;
}

std::vector<int64_t> ChooseForSheet(const data::Dataset& dataset, int64_t count, uint64_t seed) {
  std::vector<std::vector<int64_t>> members(dataset.classes().size() + 1);  // last: no label
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const int32_t label = dataset.Label(i);
    members[label < 0 ? members.size() - 1 : static_cast<size_t>(label)].push_back(i);
  }
  for (size_t label = 0; label < members.size(); ++label)
    Rng(seed, label, 0).Shuffle(members[label]);
  std::vector<int64_t> chosen;
  const int64_t wanted = std::min(count, dataset.size());
  for (size_t round = 0; static_cast<int64_t>(chosen.size()) < wanted; ++round) {
    for (const std::vector<int64_t>& of_class : members) {
      if (round < of_class.size() && static_cast<int64_t>(chosen.size()) < wanted)
        chosen.push_back(of_class[round]);
    }
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [&](int64_t a, int64_t b) { return dataset.Label(a) < dataset.Label(b); });
  return chosen;
}

Sheet ContactSheet(const data::Dataset& dataset, const SheetOptions& options) {
  const std::vector<int64_t> chosen = ChooseForSheet(dataset, options.count, options.seed);
  const auto count = static_cast<int64_t>(chosen.size());
  const int64_t columns = std::min(options.columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  const int32_t step_x = options.cell + kGap;
  const int32_t step_y = options.cell + kLabelHeight + kGap;
  const int32_t title_width = image::TextWidth(options.title, 2);
  const auto width =
      std::max(static_cast<int32_t>(columns) * step_x - kGap, title_width) + 2 * kMargin;
  const auto height = static_cast<int32_t>(rows) * step_y - kGap + kTitleHeight + 2 * kMargin;
  Sheet sheet;
  sheet.shown = count;
  sheet.image = image::Canvas(height, width, kPaper);
  image::DrawText(sheet.image, options.title, {kMargin, kMargin, kInk, 2});
  image::FillBox(sheet.image, {kMargin + kTitleHeight - 8, kMargin, 1, width - 2 * kMargin},
                 kFaint);
  for (int64_t i = 0; i < count; ++i) {
    const image::Box box = {kMargin + kTitleHeight + static_cast<int32_t>(i / columns) * step_y,
                            kMargin + static_cast<int32_t>(i % columns) * step_x, options.cell,
                            options.cell};
    DrawCell(sheet.image, dataset, chosen[static_cast<size_t>(i)], box, sheet);
  }
  return sheet;
}

}  // namespace bluestem::cli
