// A data::CheckReport as `bluestem data check` prints it.
//
// Threads: free functions without state.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bluestem/data/check.h"

namespace bluestem::cli {

// {"clean", "splits": [{"name", "count", "classes", "uncertain", "imbalance", "height", "width",
// "grey", "unreadable", "duplicates"}], "leaks"}; "uncertain" has the classes with uncertain marks;
// where pictures have any number of classes, a split also has "without_label" and "together":
// [{"classes", "count"}]
nlohmann::ordered_json CheckJson(const data::CheckReport& report);
// Tables and the first lines of each list.
std::string CheckText(const data::CheckReport& report);

}  // namespace bluestem::cli
