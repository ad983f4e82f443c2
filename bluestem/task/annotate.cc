#include "bluestem/task/annotate.h"

#include <algorithm>

#include "bluestem/image/draw.h"

namespace bluestem::task {
namespace {

using image::Colour;
using image::Image;

constexpr int32_t kMinWidth = 320;
constexpr int32_t kMaxSide = 1280;
constexpr size_t kMostAnswers = 12;  // shown, where more than asked for are answered
constexpr Colour kStrip = {24, 28, 34};
constexpr Colour kTrack = {48, 54, 64};
constexpr Colour kAnsweredBar = {74, 163, 104};
constexpr Colour kOtherBar = {92, 112, 140};
constexpr Colour kText = {240, 242, 245};

// The picture at a size that people can look at.
Image Viewable(const Image& image) {
  const int32_t longer = std::max(image.height, image.width);
  if (longer > kMaxSide) return image::Reduce(image, kMaxSide);
  const int32_t factor =
      std::clamp((kMinWidth + image.width - 1) / image.width, 1, std::max(1, kMaxSide / longer));
  return image::Enlarge(image, factor);
}

}  // namespace

Image Annotate(const Image& image, const std::vector<ClassScore>& ranked, size_t count) {
  const Image picture = Viewable(image);
  const int32_t width = std::max(picture.width, kMinWidth);
  const int32_t scale = std::max(2, width / 240);
  const int32_t margin = 4 * scale;
  const int32_t line = (image::kGlyphHeight + 6) * scale;
  const auto answered = static_cast<size_t>(std::count_if(
      ranked.begin(), ranked.end(), [](const ClassScore& score) { return score.answered; }));
  const size_t shown = std::max(count, std::min(answered, kMostAnswers));
  const auto lines = static_cast<int32_t>(std::min(shown, ranked.size()));
  Image result = image::Canvas(picture.height + lines * line + 2 * margin, width, kStrip);
  image::Paste(result, picture, 0, (width - picture.width) / 2);
  for (int32_t i = 0; i < lines; ++i) {
    const ClassScore& score = ranked[static_cast<size_t>(i)];
    const int32_t top = picture.height + margin + i * line;
    const double share = std::clamp(score.probability, 0.0, 1.0);  // NaN stays NaN and draws no bar
    const int32_t track = width - 2 * margin;
    const image::Box bar = {top, margin, line - 2 * scale, track};
    image::FillBox(result, bar, kTrack);
    if (share > 0) {
      image::FillBox(result, {bar.top, bar.left, bar.height, static_cast<int32_t>(share * track)},
                     score.answered ? kAnsweredBar : kOtherBar);
    }
    const std::string percent = fmt::format("{:.1f} %", 100 * score.probability);
    const int32_t percent_width = image::TextWidth(percent, scale);
    const int32_t text_top = bar.top + (bar.height - (image::kGlyphHeight - 1) * scale) / 2;
    const std::string name = image::FitText(score.name, track - percent_width - 6 * margin, scale);
    image::DrawText(result, name, {text_top, margin + 2 * scale, kText, scale});
    image::DrawText(result, percent,
                    {text_top, width - margin - 2 * scale - percent_width, kText, scale});
  }
  return result;
}

}  // namespace bluestem::task
