// tests/passes/cases/*.irtest: one pass, a graph before it and the graph after it, as text. The
// pass must make exactly that text, and both graphs must compute the same. A file is
//     pass NAME
//     --- before
//     graph ...
//     --- after
//     graph ...
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "bluestem/base/file.h"
#include "tests/passes/nets.h"

namespace bluestem::passes {
namespace {

struct Case {
  std::string name;
  std::string pass;
  std::string before;
  std::string after;
};

std::ostream& operator<<(std::ostream& stream, const Case& test) {
  return stream << test.name;
}

Case ReadCase(const Path& path) {
  const auto text = ReadTextFile(path);
  EXPECT_TRUE(text.ok()) << text.status().message();
  const std::string before_mark = "--- before\n";
  const std::string after_mark = "--- after\n";
  const size_t before = text->find(before_mark);
  const size_t after = text->find(after_mark);
  Case result{path.stem().string(), "", "", ""};
  if (text->rfind("pass ", 0) != 0 || before == std::string::npos || after == std::string::npos) {
    ADD_FAILURE() << path << ": no irtest";
    return result;
  }
  result.pass = text->substr(5, text->find('\n') - 5);
  result.before = text->substr(before + before_mark.size(), after - before - before_mark.size());
  result.after = text->substr(after + after_mark.size());
  return result;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const auto& entry :
       std::filesystem::directory_iterator(Path(BLUESTEM_SOURCE_ROOT) / "tests/passes/cases")) {
    if (entry.path().extension() == ".irtest") cases.push_back(ReadCase(entry.path()));
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.name < b.name; });
  return cases;
}

class IrTest : public testing::TestWithParam<Case> {};

TEST_P(IrTest, PassMakesTheTextAndTheSameResults) {
  const Case& test = GetParam();
  const auto before = ir::FromText(test.before);
  ASSERT_TRUE(before.ok()) << before.status().message();
  const auto pass = std::find_if(Pipeline().begin(), Pipeline().end(),
                                 [&](const Pass& row) { return test.pass == row.name; });
  ASSERT_NE(pass, Pipeline().end()) << "no pass " << test.pass;
  Options options;
  for (const Pass& other : Pipeline()) {
    const bool cleans_up = std::string(other.name) == "last_dead_code";
    if (&other != &*pass && !cleans_up) options.disabled.emplace_back(other.name);
  }
  if (test.pass == "integer_input") options.input_codes = InputCodes{};
  const Outcome outcome = RunAndCompare(*before, options);
  EXPECT_EQ(ir::ToText(outcome.after), test.after);
  // What a pass may change of a value is the rounding of f32.
  EXPECT_LE(outcome.worst_relative, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Cases, IrTest, testing::ValuesIn(AllCases()),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

TEST(IrTestCases, AreThere) {
  EXPECT_GE(AllCases().size(), 10u);
}

}  // namespace
}  // namespace bluestem::passes
