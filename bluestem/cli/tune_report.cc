// A search as JSON and as a page.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bluestem/base/chart.h"
#include "bluestem/base/html.h"
#include "bluestem/cli/tune_search.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;
using tune::Dimension;
using tune::Outcome;
using tune::Trial;

// Of the rungs, the last first; earlier ones than these are grey.
constexpr const char* kRungColours[] = {"#2563eb", "#10b981", "#f59e0b"};
constexpr const char* kGrey = "#94a3b8";

// How far the trial came, in one word and where.
std::string Standing(const TuneSearch& search, const Trial& trial, bool is_best) {
  if (trial.Lost()) return "lost";
  if (search.finished && is_best) return "best";
  if (trial.outcomes.size() == search.rungs.size()) return "finished";
  return search.finished ? "stopped" : "waiting";
}

std::string RungColour(const TuneSearch& search, size_t rung) {
  const size_t from_last = search.rungs.size() - 1 - rung;
  return from_last < std::size(kRungColours) ? kRungColours[from_last] : kGrey;
}

std::string SettingsText(const TuneSearch& search, size_t trial) {
  std::vector<std::string> parts;
  for (const Dimension& dimension : search.space.dimensions) {
    const std::string key = dimension.field->key;
    parts.push_back(fmt::format("{} {}", key.substr(key.find('.') + 1),
                                config::ValueText(*dimension.field, search.drawn[trial])));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// The measure against the rungs' epochs, a line a trial; the further a trial came the stronger.
std::string RungsChart(const TuneSearch& search) {
  Chart chart{.title = fmt::format("{} by rung, a line a trial", search.measure().title),
              .x_title = "epochs of training",
              .percent = search.measure().is_share,
              .log_x = true};
  for (const tune::Rung& rung : search.rungs)
    chart.x_ticks.push_back({static_cast<double>(rung.epochs), fmt::format("{}", rung.epochs)});
  std::vector<size_t> order = tune::Ranking(search.trials);
  std::reverse(order.begin(), order.end());  // the best lies over the others
  for (const size_t i : order) {
    const Trial& trial = search.trials[i];
    const bool best = i == order.back() && search.finished && !trial.Lost();
    Line line{.colour = kGrey, .opacity = 0.8};
    for (size_t k = 0; k < trial.outcomes.size(); ++k) {
      if (!trial.outcomes[k].lost.empty()) continue;
      line.points.emplace_back(static_cast<double>(search.rungs[k].epochs),
                               trial.outcomes[k].accuracy);
      line.notes.push_back(fmt::format("{}: {} ({})", TrialName(trial.number),
                                       search.measure().Text(trial.outcomes[k].accuracy),
                                       SettingsText(search, i)));
      line.colour = RungColour(search, k);
    }
    if (trial.outcomes.size() < search.rungs.size()) line.colour = kGrey;
    if (best) line.colour = "#dc2626", line.opacity = 1, line.name = "best";
    chart.lines.push_back(std::move(line));
  }
  return ToSvg(chart);
}

double NumberOf(const Dimension& dimension, config::Experiment experiment) {
  const config::Ref ref = dimension.field->ref(experiment);
  if (const auto* const* integer = std::get_if<int64_t*>(&ref))
    return static_cast<double>(**integer);
  return *std::get<double*>(ref);
}

std::vector<std::string> ChoiceTexts(const Dimension& dimension) {
  std::vector<std::string> texts;
  for (const config::YamlNode& choice : dimension.choices) {
    config::Experiment scratch;
    BLUESTEM_CHECK(config::Assign(*dimension.field, choice, scratch).ok(), "the space was parsed");
    texts.push_back(config::ValueText(*dimension.field, scratch));
  }
  return texts;
}

// The measure against the values of one key: a colour a rung, because more epochs give more.
std::string DimensionChart(const TuneSearch& search, const Dimension& dimension) {
  Chart chart{.title = dimension.field->key,
              .percent = search.measure().is_share,
              .log_x = dimension.kind == tune::Kind::kLogUniform};
  const std::vector<std::string> texts = ChoiceTexts(dimension);
  for (size_t i = 0; i < texts.size(); ++i)
    chart.x_ticks.push_back({static_cast<double>(i), texts[i]});
  for (size_t k = 0; k < search.rungs.size(); ++k) {
    Line line{.name = EpochsText(search.rungs[k].epochs),
              .colour = RungColour(search, k),
              .joined = false,
              .opacity = 0.75};
    for (size_t i = 0; i < search.trials.size(); ++i) {
      const Trial& trial = search.trials[i];
      if (k >= trial.outcomes.size() || !trial.outcomes[k].lost.empty()) continue;
      const std::string text = config::ValueText(*dimension.field, search.drawn[i]);
      const double x =
          texts.empty()
              ? NumberOf(dimension, search.drawn[i])
              : static_cast<double>(std::find(texts.begin(), texts.end(), text) - texts.begin());
      line.points.emplace_back(x, trial.outcomes[k].accuracy);
      line.notes.push_back(fmt::format("{}: {}, {}", TrialName(trial.number), text,
                                       search.measure().Text(trial.outcomes[k].accuracy)));
    }
    chart.lines.push_back(std::move(line));
  }
  return ToSvg(chart);
}

std::string RungsTable(const TuneSearch& search) {
  std::string html =
      "<div><table><tr><th>rung</th><th>epochs</th><th>trials</th><th>lost</th><th>best</th>"
      "<th>training</th></tr>";
  for (size_t k = 0; k < search.rungs.size(); ++k) {
    int64_t lost = 0, done = 0;
    double best = 0, seconds = 0;
    for (const Trial& trial : search.trials) {
      if (k >= trial.outcomes.size()) continue;
      ++done;
      lost += trial.outcomes[k].lost.empty() ? 0 : 1;
      best = std::max(best, trial.outcomes[k].accuracy);
      seconds += trial.outcomes[k].seconds;
    }
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{} of {}</td><td>{}</td><td>{}</td><td>{:.0f} s</td></tr>",
        k, search.rungs[k].epochs, done, search.rungs[k].trials, lost,
        done > lost ? search.measure().Text(best) : "-", seconds);
  }
  return html + "</table></div>";
}

std::string TrialRow(const TuneSearch& search, size_t i, bool is_best) {
  const Trial& trial = search.trials[i];
  const std::string name = TrialName(trial.number);
  std::string html = "<tr><td>" + (is_best ? "<b>" + name + "</b>" : name) + "</td>";
  for (size_t k = 0; k < search.rungs.size(); ++k) {
    if (k >= trial.outcomes.size()) {
      html += "<td></td>";
    } else if (const Outcome& outcome = trial.outcomes[k]; !outcome.lost.empty()) {
      html += "<td>lost</td>";
    } else {
      html += fmt::format("<td><a href=\"trials/{}/rung-{}/report.html\">{}</a></td>", name, k,
                          search.measure().Text(outcome.accuracy));
    }
  }
  for (const Dimension& dimension : search.space.dimensions) {
    html += fmt::format("<td>{}</td>",
                        EscapeHtml(config::ValueText(*dimension.field, search.drawn[i])));
  }
  const std::string standing = Standing(search, trial, is_best);
  return html +
         fmt::format("<td class=\"text\">{}</td></tr>",
                     EscapeHtml(trial.Lost() ? "lost: " + trial.outcomes.back().lost : standing));
}

std::string TrialsTable(const TuneSearch& search) {
  std::string html = "<section><h2>Trials</h2><div class=\"scroll\"><table><tr><th>trial</th>";
  for (const tune::Rung& rung : search.rungs)
    html += fmt::format("<th>{}</th>", EpochsText(rung.epochs));
  for (const Dimension& dimension : search.space.dimensions)
    html += fmt::format("<th>{}</th>", EscapeHtml(dimension.field->key));
  html += "<th class=\"text\"></th></tr>";
  const std::vector<size_t> order = tune::Ranking(search.trials);
  for (const size_t i : order)
    html += TrialRow(search, i, i == order[0] && search.finished && !search.trials[i].Lost());
  return html + "</table></div></section>";
}

std::string About(const TuneSearch& search) {
  const auto row = [](const char* name, const std::string& value) {
    return fmt::format("<dt>{}</dt><dd>{}</dd>", name, EscapeHtml(value));
  };
  return "<section><h2>Search</h2><dl>" +
         row("method",
             "successive halving (Jamieson and Talwalkar, 2016); each rung trains anew, with its "
             "own whole schedule") +
         row("keep", fmt::format("one trial of {}", search.halving.eta)) +
         row("seed", fmt::format("{}", search.seed)) + row("network", search.base.network.name) +
         row("data", search.base.data.path) +
         row("tool", std::string("bluestem ") + BLUESTEM_VERSION) + "</dl></section>";
}

// The best so far, a share with its standard error, and what the search has cost.
std::string Tiles(const TuneSearch& search) {
  int64_t epochs = 0, lost = 0;
  double seconds = 0;
  for (const Trial& trial : search.trials) {
    lost += trial.Lost() ? 1 : 0;
    for (size_t k = 0; k < trial.outcomes.size(); ++k) {
      if (trial.outcomes[k].lost.empty()) epochs += search.rungs[k].epochs;
      seconds += trial.outcomes[k].seconds;
    }
  }
  std::string html = "<div class=\"tiles\">";
  const std::vector<size_t> order = tune::Ranking(search.trials);
  if (!order.empty() && !search.trials[order[0]].outcomes.empty() &&
      !search.trials[order[0]].Lost()) {
    const Outcome& best = search.trials[order[0]].outcomes.back();
    const double p = best.accuracy;
    const double error =
        std::sqrt(p * (1 - p) / static_cast<double>(std::max<int64_t>(1, best.images)));
    std::string words =
        fmt::format("best {}, of {} validation images", search.measure().name, best.images);
    if (search.measure().is_share)
      words += fmt::format("; standard error {:.1f} points", error * 100);
    html += PageTile(search.measure().Text(p), words);
  }
  return html + PageTile(fmt::format("{}", search.rungs[0].trials), "trials") +
         PageTile(fmt::format("{}", lost), "lost") +
         PageTile(fmt::format("{}", epochs), "epochs trained") +
         PageTile(seconds < 600 ? fmt::format("{:.0f} s", seconds)
                                : fmt::format("{:.0f} min", seconds / 60),
                  "in training") +
         "</div>";
}

Json TrialJson(const TuneSearch& search, size_t i, bool is_best) {
  const Trial& trial = search.trials[i];
  Json settings = Json::object(), rungs = Json::array();
  for (const Dimension& dimension : search.space.dimensions) {
    settings[dimension.field->key] = config::ValueText(*dimension.field, search.drawn[i]);
  }
  for (size_t k = 0; k < trial.outcomes.size(); ++k) {
    const Outcome& outcome = trial.outcomes[k];
    Json rung = {
        {"epochs", search.rungs[k].epochs},
        {"run", search.RunFolder(trial.number, k).lexically_relative(search.folder).string()}};
    if (outcome.lost.empty()) {
      rung["accuracy"] = outcome.accuracy;
      rung["images"] = outcome.images;
      rung["seconds"] = outcome.seconds;
    } else {
      rung["lost"] = outcome.lost;
    }
    rungs.push_back(rung);
  }
  return {{"trial", trial.number},
          {"status", Standing(search, trial, is_best)},
          {"settings", settings},
          {"rungs", rungs}};
}

}  // namespace

Json TuneJson(const TuneSearch& search) {
  Json rungs = Json::array(), trials = Json::array();
  for (const tune::Rung& rung : search.rungs)
    rungs.push_back({{"epochs", rung.epochs}, {"trials", rung.trials}});
  const std::vector<size_t> order = tune::Ranking(search.trials);
  for (const size_t i : order) trials.push_back(TrialJson(search, i, i == order[0]));
  return {{"status", search.finished ? "finished" : "running"},
          {"trials", search.halving.trials},
          {"eta", search.halving.eta},
          {"min_epochs", search.halving.min_epochs},
          {"seed", search.seed},
          {"measure", search.measure().key},
          {"rungs", rungs},
          {"ranking", trials}};
}

std::string TunePage(const TuneSearch& search) {
  const std::string& name = search.base.name;
  std::string html = PageBegin(
      name + " search", name,
      fmt::format("Search over {} keys{}. The best of many figures flatters: judge "
                  "best.yaml on images that no trial saw.",
                  search.space.dimensions.size(), search.finished ? "" : ", not finished"));
  html += Tiles(search);
  html += "<section><h2>Rungs</h2><div class=\"charts\">" + RungsChart(search) +
          RungsTable(search) + "</div></section>";
  html += TrialsTable(search);
  html += fmt::format("<section><h2>Each key against {}</h2><div class=\"charts\">",
                      search.measure().name);
  for (const Dimension& dimension : search.space.dimensions)
    html += DimensionChart(search, dimension);
  return html + "</div></section>" + About(search) + "</main></body></html>\n";
}

}  // namespace bluestem::cli
