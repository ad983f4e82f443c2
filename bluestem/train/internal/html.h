// Pictures for reports, as data URIs. Charts: base/chart.h; page style: base/html.h.
// Threads: free functions without state.
#pragma once

#include <string>

#include "bluestem/base/html.h"
#include "bluestem/image/image.h"

namespace bluestem::train {

// Returns "data:image/png;base64,...".
std::string PngDataUri(const image::Image& image);

}  // namespace bluestem::train
