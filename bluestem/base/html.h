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

// Returns a page up to what stands under its heading. It ends with "</main></body></html>".
std::string PageBegin(const std::string& title, const std::string& heading,
                      const std::string& subtitle);

// Returns one of the figures on top of a page, for a <div class="tiles">.
std::string PageTile(const std::string& value, const std::string& what);

}  // namespace bluestem
