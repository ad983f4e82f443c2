#include "bluestem/config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bluestem::config {
namespace {

using ::testing::HasSubstr;
using Kind = YamlNode::Kind;

std::string Refusal(const std::string& text) {
  const Result<YamlNode> node = ParseYaml(text, "f.yaml");
  EXPECT_FALSE(node.ok()) << text;
  return node.ok() ? "" : node.status().message();
}

TEST(ParseYaml, NodesKnowTheirPlace) {
  const Result<YamlNode> root = ParseYaml("a: 1\nb:\n  - x\n  - 'y'\n", "f.yaml");
  ASSERT_TRUE(root.ok());
  const YamlNode* b = root->Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->kind, Kind::kSequence);
  EXPECT_EQ(b->items[1].line, 4);
  EXPECT_EQ(b->items[1].column, 5);
  EXPECT_TRUE(b->items[1].quoted);
  EXPECT_FALSE(b->items[0].quoted);
  EXPECT_EQ(root->Find("c"), nullptr);
}

TEST(ParseYaml, TagsAreTextAndNothingMore) {
  const Result<YamlNode> root = ParseYaml("a: !!python/object/apply:os.system [ls]\n", "f.yaml");
  ASSERT_TRUE(root.ok()) << root.status().message();
  EXPECT_EQ(root->Find("a")->tag, "!!python/object/apply:os.system");
}

TEST(ParseYaml, RefusesAKeyGivenTwice) {
  EXPECT_EQ(Refusal("a: 1\nb: 2\na: 3\n"),
            "f.yaml:3:1: key \"a\" stands here again; it was given in line 1");
}

TEST(ParseYaml, BadSyntaxHasAPlace) {
  EXPECT_THAT(Refusal("a: [1, 2\nb: 3\n"), HasSubstr("f.yaml:2:"));
  EXPECT_THAT(Refusal("a: b: c\n"), HasSubstr("not YAML"));
  EXPECT_THAT(Refusal("a: 1\n---\nb: 2\n"), HasSubstr("expected one document"));
}

TEST(ParseYaml, AliasesAreCopies) {
  const Result<YamlNode> root = ParseYaml("a: &x [1, 2]\nb: *x\n", "f.yaml");
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->Find("b")->items.size(), 2u);
}

TEST(ParseYaml, ABillionLaughsEndInAStatus) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("*a{}{}", i - 1, j == 9 ? "]\n" : ", ");
  }
  EXPECT_THAT(Refusal(bomb), HasSubstr("more than 100000 nodes"));
}

TEST(ParseYaml, DepthAndSizeAreBounded) {
  EXPECT_THAT(Refusal(std::string(100000, '[')), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(Refusal(std::string(kMaxYamlBytes + 1, ' ')), HasSubstr("expected at most"));
  EXPECT_FALSE(ParseYaml("a: &x [*x]\n", "f.yaml").ok());
}

TEST(YamlScalar, ComesBackAsTheSameText) {
  for (const std::string text :
       {"",      "a",        "true", "No",    "null",       "~", "12", "1e5", ".5",
        "-",     "- a",      "a: b", "a #b",  "#",          "'", "\"", "\\",  "line\nline",
        "tab\t", " x ",      "./a",  "../a",  "0x10",       "{", "*a", "&a",  "!a",
        "\x01",  "\xc3\xa4", "y",    "1_000", "2001-01-01", "=", "<<", "."}) {
    const Result<YamlNode> root = ParseYaml("k: " + YamlScalar(text) + "\n", "f.yaml");
    ASSERT_TRUE(root.ok()) << text << ": " << root.status().message();
    ASSERT_EQ(root->Find("k")->kind, Kind::kScalar) << text;
    EXPECT_EQ(root->Find("k")->scalar, text);
  }
}

}  // namespace
}  // namespace bluestem::config
