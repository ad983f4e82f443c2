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

}  // namespace
}  // namespace bluestem
