#include "bluestem/config/rank_place.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem::config {
namespace {

constexpr int64_t kMaxRanks = 4096;
constexpr const char* kResourceConfig = "/opt/ml/input/config/resourceconfig.json";
constexpr const char* kLoopback = "127.0.0.1";

struct Source {
  const char* rank;
  const char* ranks;
  const char* here;    // ranks of this machine
  bool needs_address;  // of MASTER_ADDR, also where all ranks are here
  bool shares_cores;   // the starter leaves the cores to be divided; mpirun binds ranks to them
};
constexpr Source kSources[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", true, true},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", false, false},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", false, false},
};

Status Refuse(const std::string& variable, const std::string& got, const std::string& expected) {
  return Error(Code::kInvalidArgument, "{}: got {}; expected {}", variable, got, expected);
}

struct Range {
  int64_t min, max;
};

// Returns the number in a variable, or nothing where it is unset.
Result<std::optional<int64_t>> Number(const Environment& environment, const char* name,
                                      const Range& range) {
  const std::optional<std::string> text = environment(name);
  if (!text.has_value()) return std::optional<int64_t>();
  int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < range.min || value > range.max)
    return Refuse(name, fmt::format("\"{}\"", *text), fmt::format("{}..{}", range.min, range.max));
  return std::optional<int64_t>(value);
}

// Where rank 0 listens.
Status TakeAddress(const Environment& environment, bool needed, RankPlace& place) {
  const std::string given = environment("MASTER_ADDR").value_or("");
  if (given.empty() && needed) {
    return Error(Code::kInvalidArgument,
                 "MASTER_ADDR: missing; expected the name or address of rank 0's machine for {} "
                 "ranks",
                 place.ranks);
  }
  if (!given.empty()) place.address = given;
  BLUESTEM_ASSIGN_OR_RETURN(const std::optional<int64_t> port,
                            Number(environment, "MASTER_PORT", {1, 65535}));
  place.port = port.value_or(place.port);
  return OkStatus();
}

// Returns what one starter says, or nothing where it is silent.
Result<std::optional<RankPlace>> FromVariables(const Environment& environment,
                                               const Source& source) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::optional<int64_t> ranks,
                            Number(environment, source.ranks, {1, kMaxRanks}));
  BLUESTEM_ASSIGN_OR_RETURN(const std::optional<int64_t> rank,
                            Number(environment, source.rank, {0, ranks.value_or(kMaxRanks) - 1}));
  BLUESTEM_ASSIGN_OR_RETURN(const std::optional<int64_t> here,
                            Number(environment, source.here, {1, ranks.value_or(kMaxRanks)}));
  if (!rank.has_value() && !ranks.has_value()) return std::optional<RankPlace>();
  if (!rank.has_value() || !ranks.has_value()) {
    return Error(Code::kInvalidArgument, "{}: missing; {} is set, and one needs the other",
                 rank.has_value() ? source.ranks : source.rank,
                 rank.has_value() ? source.rank : source.ranks);
  }
  RankPlace place{.rank = *rank, .ranks = *ranks};
  if (source.shares_cores) place.sharing = here.value_or(1);
  if (*ranks == 1) return std::optional<RankPlace>(place);
  const bool all_here = here.value_or(*ranks) == *ranks;
  place.address = kLoopback;
  BLUESTEM_RETURN_IF_ERROR(TakeAddress(environment, source.needs_address || !all_here, place));
  // Ranks that torchrun starts again meet under other keys. The names are torch.distributed's own.
  if (environment("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True")
    place.store = "/worker/attempt_" + environment("TORCHELASTIC_RESTART_COUNT").value_or("0");
  return std::optional<RankPlace>(place);
}

Result<RankPlace> FromResourceConfig(const Environment& environment, const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  try {
    const auto json = nlohmann::json::parse(text);
    const std::string own = json.at("current_host");
    std::vector<std::string> hosts = json.at("hosts");
    std::sort(hosts.begin(), hosts.end());
    const auto found = std::find(hosts.begin(), hosts.end(), own);
    if (found == hosts.end())
      return Refuse(path.string(), fmt::format("current_host \"{}\"", own), "one of its hosts");
    RankPlace place{.rank = found - hosts.begin(), .ranks = static_cast<int64_t>(hosts.size())};
    if (place.ranks == 1) return place;
    place.address = hosts.front();
    place.interface = json.value("network_interface_name", "");
    BLUESTEM_RETURN_IF_ERROR(TakeAddress(environment, false, place));
    return place;
  } catch (const nlohmann::json::exception& error) {
    return Error(Code::kInvalidArgument, "{}: expected current_host and hosts: {}", path.string(),
                 error.what());
  }
}

}  // namespace

Result<RankPlace> FindRankPlace(const Environment& environment) {
  std::optional<RankPlace> place;
  const Source* said = nullptr;
  for (const Source& source : kSources) {
    BLUESTEM_ASSIGN_OR_RETURN(const std::optional<RankPlace> found,
                              FromVariables(environment, source));
    if (!found.has_value()) continue;
    if (place.has_value() && (place->rank != found->rank || place->ranks != found->ranks)) {
      return Error(Code::kInvalidArgument,
                   "{}: got rank {} of {}; {} says rank {} of {}: unset one of them", source.rank,
                   found->rank, found->ranks, said->rank, place->rank, place->ranks);
    }
    if (place.has_value()) continue;
    place = found;
    said = &source;
  }
  if (place.has_value()) return *place;
  const std::optional<std::string> given = environment("BLUESTEM_RESOURCE_CONFIG");
  const Path path = given.value_or(kResourceConfig);
  std::error_code ignored;
  if (!given.has_value() && !std::filesystem::exists(path, ignored)) return RankPlace{};
  return FromResourceConfig(environment, path);
}

Result<RankPlace> FindRankPlace() {
  return FindRankPlace([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

}  // namespace bluestem::config
