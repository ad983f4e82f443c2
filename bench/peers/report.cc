#include "bench/peers/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

namespace bluestem::bench {
namespace {

// Between contenders of several threads: the last one's may still spin for work, libgomp's for 8
// ms.
constexpr std::chrono::milliseconds kRest(20);

double GMacs(const Race& race, const Lane& lane) {
  return race.macs / Median(lane.seconds) * 1e-9;
}

std::string ThreadsText(int threads) {
  return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
}

const char* Colour(const std::string& name) {
  if (name == "ours") return "#2f7d4f";
  if (name == "onednn_int8") return "#4c78a8";
  if (name == "onednn_f32") return "#9fb8d4";
  if (name == "ort_int8") return "#b279a2";
  return "#d9a441";
}

}  // namespace

Status CheckAny(const std::vector<Race>& races, const std::string& filter) {
  if (!races.empty()) return OkStatus();
  return Error(Code::kInvalidArgument,
               "--filter {}: is part of no name; without --filter a run prints them all", filter);
}

void RunRaces(std::vector<Race>& races, int rounds, Clock clock, double seconds) {
  for (int round = 0; round < rounds; ++round) {
    for (Race& race : races) {
      for (Lane& lane : race.lanes) {
        if (clock == Clock::kWall) std::this_thread::sleep_for(kRest);
        lane.seconds.push_back(SecondsPerRun(lane.contender.run, clock, seconds));
      }
    }
  }
}

const Lane* FindLane(const Race& race, const std::string& name) {
  for (const Lane& lane : race.lanes) {
    if (lane.contender.name == name) return &lane;
  }
  return nullptr;
}

double Ratio(const Race& race, const std::string& peer) {
  const Lane* lane = FindLane(race, peer);
  return lane == nullptr ? 0 : Median(lane->seconds) / Median(race.lanes[0].seconds);
}

void PrintTable(const Machine& machine, int threads, const std::vector<Race>& races) {
  fmt::print("{}\n{}; {}; medians of {} interleaved rounds; GMAC/s (microseconds)\n\n",
             MachineText(machine), machine.peers, ThreadsText(threads),
             races[0].lanes[0].seconds.size());
  for (const Race& race : races) {
    fmt::print("{:<20}", race.name);
    for (const Lane& lane : race.lanes) {
      fmt::print("  {} {:.0f} ({:.1f})", lane.contender.name, GMacs(race, lane),
                 Median(lane.seconds) * 1e6);
    }
    for (const Lane& lane : race.lanes) {
      if (&lane == &race.lanes[0]) continue;
      fmt::print("  {:.2f}x {}", Ratio(race, lane.contender.name), lane.contender.name);
    }
    fmt::print("  [{}]\n", race.lanes[0].contender.detail);
  }
}

void PrintJson(const Machine& machine, int threads, const std::vector<Race>& races) {
  using Json = nlohmann::ordered_json;
  Json rows = Json::array();
  for (const Race& race : races) {
    Json row = {{"shape", race.name}, {"macs", race.macs}};
    for (const Lane& lane : race.lanes) {
      const std::string& name = lane.contender.name;
      row[name] = {{"gmacs_per_second_p50", GMacs(race, lane)},
                   {"gmacs_per_second_best", race.macs / BestTenth(lane.seconds) * 1e-9},
                   {"microseconds_p50", Median(lane.seconds) * 1e6},
                   {"implementation", lane.contender.detail}};
      if (&lane != &race.lanes[0]) row["ratio_to_" + name] = Ratio(race, name);
    }
    rows.push_back(std::move(row));
  }
  const Json document = {{"cpu", machine.cpu},           {"cores", machine.cores},
                         {"isa", machine.isa},           {"mhz", machine.mhz},
                         {"compiler", machine.compiler}, {"flags", machine.flags},
                         {"commit", machine.commit},     {"peers", machine.peers},
                         {"threads", threads},           {"rows", rows}};
  std::printf("%s\n", document.dump(2).c_str());
}

bool WritePlot(const std::string& path, const Machine& machine, int threads,
               const std::vector<Race>& races) {
  constexpr int kLeft = 150;
  constexpr int kBar = 15;
  constexpr int kWidth = 640;
  double most = 1;
  size_t bars = 0;
  for (const Race& race : races) {
    for (const Lane& lane : race.lanes) most = std::max(most, GMacs(race, lane));
    bars += race.lanes.size();
  }
  const size_t height = 76 + bars * kBar + races.size() * 14;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fbfbf9\"/>\n"
      "<text x=\"16\" y=\"24\" font-size=\"16\" fill=\"#282c34\">Multiply-accumulates per second, "
      "one convolution: longer is faster</text>\n"
      "<text x=\"16\" y=\"44\" fill=\"#5c6470\">GMAC/s, medians, {}. {}</text>\n",
      kLeft + kWidth + 190, height, ThreadsText(threads), MachineText(machine));
  size_t y = 62;
  for (const Race& race : races) {
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#282c34\">{}</text>\n",
                       kLeft - 10, y + 11, race.name);
    for (const Lane& lane : race.lanes) {
      const double value = GMacs(race, lane);
      const std::string& name = lane.contender.name;
      svg += fmt::format(
          "<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>"
          "<text x=\"{:.1f}\" y=\"{}\" font-size=\"11\" fill=\"#5c6470\">{:.0f}  {}{}</text>\n",
          kLeft, y, value / most * kWidth, kBar - 3, Colour(name),
          kLeft + value / most * kWidth + 6, y + 10, value, name,
          name == "ours" ? "" : fmt::format(", {:.1f}x", Ratio(race, name)));
      y += kBar;
    }
    y += 14;
  }
  std::ofstream file(path);
  file << svg << "</svg>\n";
  return static_cast<bool>(file.flush());
}

int SlowerThanInt8(const std::vector<Race>& races, double least, double least_net) {
  int slower = 0;
  for (const Race& race : races) {
    const double needed = race.net ? least_net : least;
    const double ratio = Ratio(race, "onednn_int8");
    if (ratio >= needed) continue;
    ++slower;
    if (FindLane(race, "onednn_int8") == nullptr) {
      fmt::print(stderr, "not run by oneDNN int8: {}\n", race.name);
      continue;
    }
    fmt::print(stderr, "less than {:.2f} of oneDNN int8's speed: {} ({:.2f}x, {})\n", needed,
               race.name, ratio, race.lanes[0].contender.detail);
  }
  return slower;
}

}  // namespace bluestem::bench
