// What starters say of a rank, as a table, and what contradicts itself.
#include "bluestem/config/rank_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "bluestem/base/file.h"
#include "bluestem/config/experiment.h"

namespace bluestem::config {
namespace {

using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

Result<RankPlace> Find(const Variables& variables) {
  return FindRankPlace([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  });
}

TEST(RankPlace, IsWhatEachStarterSays) {
  struct Row {
    Variables variables;
    RankPlace expected;
  };
  const Row rows[] = {
      {{}, {}},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}}, {}},
      {{{"RANK", "3"},
        {"WORLD_SIZE", "4"},
        {"LOCAL_WORLD_SIZE", "2"},
        {"MASTER_ADDR", "first"},
        {"MASTER_PORT", "1234"}},
       {.rank = 3, .ranks = 4, .sharing = 2, .address = "first", .port = 1234}},
      {{{"RANK", "0"},
        {"WORLD_SIZE", "2"},
        {"MASTER_ADDR", "first"},
        {"TORCHELASTIC_USE_AGENT_STORE", "True"},
        {"TORCHELASTIC_RESTART_COUNT", "3"}},
       {.rank = 0, .ranks = 2, .address = "first", .store = "/worker/attempt_3"}},
      {{{"RANK", "0"},
        {"WORLD_SIZE", "2"},
        {"MASTER_ADDR", "first"},
        {"TORCHELASTIC_USE_AGENT_STORE", "False"}},
       {.rank = 0, .ranks = 2, .address = "first"}},
      {{{"OMPI_COMM_WORLD_RANK", "1"},
        {"OMPI_COMM_WORLD_SIZE", "2"},
        {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}},
       {.rank = 1, .ranks = 2, .address = "127.0.0.1"}},
      {{{"OMPI_COMM_WORLD_RANK", "1"},
        {"OMPI_COMM_WORLD_SIZE", "2"},
        {"OMPI_COMM_WORLD_LOCAL_SIZE", "1"},
        {"MASTER_ADDR", "10.0.0.1"}},
       {.rank = 1, .ranks = 2, .address = "10.0.0.1"}},
      {{{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}, {"MASTER_PORT", "4000"}},
       {.rank = 2, .ranks = 3, .address = "127.0.0.1", .port = 4000}},
      // Two that agree.
      {{{"RANK", "1"},
        {"WORLD_SIZE", "2"},
        {"MASTER_ADDR", "a"},
        {"PMI_RANK", "1"},
        {"PMI_SIZE", "2"}},
       {.rank = 1, .ranks = 2, .address = "a"}},
  };
  for (const Row& row : rows) {
    const Result<RankPlace> found = Find(row.variables);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_EQ(found->rank, row.expected.rank);
    EXPECT_EQ(found->ranks, row.expected.ranks);
    EXPECT_EQ(found->sharing, row.expected.sharing);
    EXPECT_EQ(found->address, row.expected.address);
    EXPECT_EQ(found->port, row.expected.port);
    EXPECT_EQ(found->store, row.expected.store);
  }
}

TEST(RankPlace, RefusesByName) {
  struct Row {
    Variables variables;
    const char* message;
  };
  const Row rows[] = {
      {{{"RANK", "0"}}, "WORLD_SIZE: missing; RANK is set"},
      {{{"PMI_SIZE", "2"}}, "PMI_RANK: missing; PMI_SIZE is set"},
      {{{"RANK", "one"}, {"WORLD_SIZE", "2"}}, "RANK: got \"one\"; expected 0..1"},
      {{{"RANK", "2"}, {"WORLD_SIZE", "2"}}, "RANK: got \"2\"; expected 0..1"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "0"}}, "WORLD_SIZE: got \"0\"; expected 1..4096"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_WORLD_SIZE", "3"}},
       "LOCAL_WORLD_SIZE: got \"3\"; expected 1..2"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}}, "MASTER_ADDR: missing"},
      {{{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "1"}}, "MASTER_ADDR: missing"},
      {{{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"MASTER_PORT", "0"}}, "MASTER_PORT: got \"0\""},
      {{{"RANK", "0"},
        {"WORLD_SIZE", "2"},
        {"MASTER_ADDR", "a"},
        {"PMI_RANK", "1"},
        {"PMI_SIZE", "2"}},
       "PMI_RANK: got rank 1 of 2; RANK says rank 0 of 2"},
      {{{"BLUESTEM_RESOURCE_CONFIG", "/nowhere/resourceconfig.json"}}, "/nowhere"},
  };
  for (const Row& row : rows) {
    const Result<RankPlace> found = Find(row.variables);
    ASSERT_FALSE(found.ok()) << row.message;
    EXPECT_THAT(found.status().message(), HasSubstr(row.message));
  }
}

class ResourceConfig : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  Result<RankPlace> FindIn(const std::string& json, Variables variables = {}) {
    EXPECT_TRUE(WriteFile(path_, json).ok());
    variables["BLUESTEM_RESOURCE_CONFIG"] = path_.string();
    return Find(variables);
  }
  Path path_ =
      std::filesystem::temp_directory_path() / fmt::format("bluestem-hosts-{}", ::getpid());
};

TEST_F(ResourceConfig, OfSageMakerRanksHostsByName) {
  const Result<RankPlace> place =
      FindIn(R"({"current_host": "algo-2", "hosts": ["algo-3", "algo-2", "algo-1"],
                 "network_interface_name": "eth0"})");
  ASSERT_TRUE(place.ok()) << place.status().message();
  EXPECT_EQ(place->rank, 1);
  EXPECT_EQ(place->ranks, 3);
  EXPECT_EQ(place->address, "algo-1");
  EXPECT_EQ(place->interface, "eth0");
  EXPECT_EQ(FindIn(R"({"current_host": "a", "hosts": ["a"]})")->ranks, 1);
}

TEST_F(ResourceConfig, GivesWayToVariables) {
  const Result<RankPlace> place = FindIn(R"({"current_host": "a", "hosts": ["a", "b"]})",
                                         {{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}});
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->rank, 2);
}

TEST_F(ResourceConfig, ThatIsWrongIsNamed) {
  EXPECT_THAT(FindIn(R"({"current_host": "c", "hosts": ["a", "b"]})").status().message(),
              HasSubstr("current_host \"c\"; expected one of its hosts"));
  EXPECT_THAT(FindIn("{}").status().message(), HasSubstr("expected current_host and hosts"));
  EXPECT_THAT(FindIn("[").status().message(), HasSubstr(path_.string()));
}

TEST(CheckRanks, NamesABatchThatDivides) {
  Experiment experiment;
  experiment.train.batch = 100;
  EXPECT_TRUE(CheckRanks(experiment, 1).ok());
  EXPECT_TRUE(CheckRanks(experiment, 4).ok());
  EXPECT_EQ(CheckRanks(experiment, 3).message(),
            "train.batch: got 100; expected a multiple of 3, the number of ranks, such as 99");
  EXPECT_THAT(CheckRanks(experiment, 101).message(), HasSubstr("such as 101"));
}

}  // namespace
}  // namespace bluestem::config
