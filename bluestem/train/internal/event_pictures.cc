#include "bluestem/train/internal/event_pictures.h"

#include <algorithm>
#include <cmath>

#include "bluestem/image/draw.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/train/internal/label_predictions.h"

namespace bluestem::train {
namespace {

constexpr int32_t kColumns = 8;      // of a sheet
constexpr int32_t kLeastSide = 72;   // of a picture in it
constexpr int32_t kGap = 6;          // around pictures
constexpr int32_t kKernelSide = 48;  // at least
constexpr int64_t kMostKernels = 64;
constexpr int32_t kMatrixSide = 512;  // at most, while a cell has a pixel

constexpr image::Colour kPaper{255, 255, 255}, kInk{30, 41, 59}, kWrong{220, 38, 38};

image::Image AtLeast(const image::Image& picture, int32_t side) {
  return image::Enlarge(picture, std::max(1, (side + picture.width - 1) / picture.width));
}

// Pictures in rows, under each its lines.
struct Cell {
  image::Image picture;
  std::vector<std::pair<std::string, image::Colour>> lines;
};

image::Image Sheet(const std::vector<Cell>& cells) {
  const auto rows = static_cast<int32_t>((cells.size() + kColumns - 1) / kColumns);
  const int32_t columns = std::min(kColumns, static_cast<int32_t>(cells.size()));
  const int32_t h = cells[0].picture.height, w = cells[0].picture.width;
  const int32_t line = image::kGlyphHeight + 2;
  const int32_t high = h + kGap + line * static_cast<int32_t>(cells[0].lines.size());
  image::Image sheet = image::Canvas(rows * high + kGap, columns * (w + kGap) + kGap, kPaper);
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto at = static_cast<int32_t>(i);
    const int32_t left = kGap + at % kColumns * (w + kGap), top = kGap + at / kColumns * high;
    image::Paste(sheet, cells[i].picture, top, left);
    int32_t below = top + h + 2;
    for (const auto& [text, colour] : cells[i].lines) {
      image::DrawText(sheet, image::FitText(text, w, 1),
                      {.top = below, .left = left, .colour = colour});
      below += line;
    }
  }
  return sheet;
}

image::Image Answers(const data::PixelCache& validation, const std::vector<Prediction>& shown) {
  std::vector<Cell> cells;
  for (const Prediction& prediction : shown) {
    const auto label = static_cast<size_t>(validation.Label(prediction.index));
    Cell cell{.picture = AtLeast(PictureOf(validation, prediction.index), kLeastSide)};
    cell.lines.emplace_back(fmt::format("{:.0f} % {}", prediction.probability * 100,
                                        validation.classes()[prediction.answer]),
                            kInk);
    if (label != prediction.answer)
      cell.lines.emplace_back("is " + validation.classes()[label], kWrong);
    cells.push_back(std::move(cell));
  }
  return Sheet(cells);
}

// The same where a picture has any number of classes: the score of one, red where it is on the
// wrong side of the threshold, and all that the picture has.
image::Image Scores(const data::PixelCache& validation, const std::vector<Prediction>& shown,
                    double threshold) {
  std::vector<Cell> cells;
  for (const Prediction& prediction : shown) {
    const bool there = validation.Marks(prediction.index)[prediction.answer] != 0;
    const bool answered = task::IsAnswered(static_cast<float>(prediction.probability), threshold);
    Cell cell{.picture = AtLeast(PictureOf(validation, prediction.index), kLeastSide)};
    cell.lines.emplace_back(fmt::format("{:.0f} % {}", prediction.probability * 100,
                                        validation.classes()[prediction.answer]),
                            there == answered ? kInk : kWrong);
    cell.lines.emplace_back("has " + LabelsText(validation, prediction.index), kInk);
    cells.push_back(std::move(cell));
  }
  return Sheet(cells);
}

// What is shown of all classes, by tag.
std::vector<std::pair<std::string, std::vector<Prediction>>> LabelSheets(
    const task::MultiLabelCounts& counts, double threshold) {
  std::vector<Prediction> right, least, greatest;
  for (const LabelPredictions& chosen : ChooseLabelPredictions(counts, threshold)) {
    right.insert(right.end(), chosen.right.begin(), chosen.right.end());
    least.insert(least.end(), chosen.least.begin(), chosen.least.end());
    greatest.insert(greatest.end(), chosen.greatest.begin(), chosen.greatest.end());
  }
  return {{"predictions/right", std::move(right)},
          {"predictions/least", std::move(least)},
          {"predictions/greatest", std::move(greatest)}};
}

// A row of cells for each label: the share of each answer, blue where it is right, else red.
image::Image Confusion(const data::PixelCache& validation,
                       const std::vector<std::vector<float>>& scores) {
  const size_t classes = validation.classes().size();
  std::vector<double> counts(classes * classes), totals(classes);
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto answer = static_cast<size_t>(std::max_element(scores[i].begin(), scores[i].end()) -
                                            scores[i].begin());
    const auto label = static_cast<size_t>(validation.Label(static_cast<int64_t>(i)));
    counts[label * classes + answer] += 1;
    totals[label] += 1;
  }
  const auto n = static_cast<int32_t>(classes);
  const int32_t side = std::clamp(kMatrixSide / n, 1, 32);
  image::Image matrix = image::Canvas(n * side, n * side, kPaper);
  for (size_t k = 0; k < counts.size(); ++k) {
    const size_t label = k / classes, answer = k % classes;
    const double share = totals[label] > 0 ? counts[k] / totals[label] : 0;
    const image::Colour full = label == answer ? image::Colour{37, 99, 235} : kWrong;
    const auto mix = [&](uint8_t to) {
      return static_cast<uint8_t>(std::lround(255 + share * (static_cast<double>(to) - 255)));
    };
    image::FillBox(matrix,
                   {.top = static_cast<int32_t>(label) * side,
                    .left = static_cast<int32_t>(answer) * side,
                    .height = side,
                    .width = side},
                   {mix(full.red), mix(full.green), mix(full.blue)});
  }
  return matrix;
}

// Of the first layer, whose input has the channels of a picture: 1 or 3.
image::Image Kernels(const Module& module) {
  const Block& block = module.network().blocks[0];
  const BlockShape& shape = module.shapes()[0];
  const ParameterView& weight = module.parameters()[0];
  float greatest = 0;
  for (int64_t i = 0; i < weight.count; ++i)
    greatest = std::max(greatest, std::fabs(weight.value[i]));
  std::vector<Cell> cells;
  for (int64_t c = 0; c < std::min(kMostKernels, shape.co); ++c) {
    image::Image kernel{.height = block.kernel,
                        .width = block.kernel,
                        .channels = static_cast<int32_t>(shape.ci),
                        .pixels = {}};
    for (int64_t i = 0; i < shape.k; ++i) {
      const float w = greatest > 0 ? weight.value[c * shape.k + i] / greatest : 0.0F;
      kernel.pixels.push_back(static_cast<uint8_t>(std::lround(127.5F + 127.5F * w)));
    }
    cells.push_back({.picture = AtLeast(kernel, kKernelSide), .lines = {}});
  }
  return Sheet(cells);
}

}  // namespace

Status LogPictures(const RunPaths& paths, const RunState& state, const task::Meta& meta,
                   const data::PixelCache& validation,
                   const std::vector<std::vector<float>>& scores, const Module& module) {
  BLUESTEM_ASSIGN_OR_RETURN(interchange::EventWriter events,
                            interchange::EventWriter::Open(paths.folder, state.started_unix));
  const auto write = [&](const std::string& tag, const image::Image& picture) -> Status {
    BLUESTEM_ASSIGN_OR_RETURN(Bytes png, image::EncodePng(picture));
    return events.Picture(tag, state.step,
                          {.height = picture.height,
                           .width = picture.width,
                           .channels = picture.channels,
                           .png = std::move(png)});
  };
  if (module.network().head == Head::kSoftmax) {
    const Predictions chosen = ChoosePredictions(validation, scores);
    if (!chosen.right.empty())
      BLUESTEM_RETURN_IF_ERROR(write("predictions/right", Answers(validation, chosen.right)));
    if (!chosen.wrong.empty())
      BLUESTEM_RETURN_IF_ERROR(write("predictions/wrong", Answers(validation, chosen.wrong)));
    BLUESTEM_RETURN_IF_ERROR(write("confusion", Confusion(validation, scores)));
  } else {
    const task::MultiLabelCounts counts = CountLabels(validation, scores, meta.threshold);
    for (const auto& [tag, shown] : LabelSheets(counts, meta.threshold)) {
      if (!shown.empty())
        BLUESTEM_RETURN_IF_ERROR(write(tag, Scores(validation, shown, meta.threshold)));
    }
  }
  return write("kernels/" + module.network().blocks[0].name, Kernels(module));
}

}  // namespace bluestem::train
