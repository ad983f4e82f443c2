#include "bluestem/base/html.h"

#include <gtest/gtest.h>

namespace bluestem {
namespace {

TEST(Html, EscapesWhatWouldBeMarkup) {
  EXPECT_EQ(EscapeHtml("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
}

TEST(Html, TheStyleAsksNothingOfTheNetwork) {
  const std::string style = kReportStyle;
  EXPECT_EQ(style.find("url("), std::string::npos);
  EXPECT_EQ(style.find("@import"), std::string::npos);
}

TEST(Html, APageEscapesWhatOthersNamed) {
  const std::string page = PageBegin("<t>", "a & b", "<s>") + PageTile("<1>", "x & y");
  for (const char* text : {"<title>&lt;t&gt;</title>", "<h1>a &amp; b</h1>",
                           "<p class=\"sub\">&lt;s&gt;</p>", "&lt;1&gt;", "x &amp; y"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

}  // namespace
}  // namespace bluestem
