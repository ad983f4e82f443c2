// html: what every report page shares: escaping and the style sheet. A report is one file that
// needs nothing from elsewhere.
// Threads: free functions without state.
#pragma once

#include <string>

namespace bluestem {

// Returns `text` with &, <, > and " made harmless in HTML and SVG.
std::string EscapeHtml(const std::string& text);

// The style sheet of reports, light and dark.
extern const char* const kReportStyle;

}  // namespace bluestem
