#include "bluestem/train/internal/config_section.h"

#include "bluestem/base/html.h"
#include "bluestem/config/fields.h"

namespace bluestem::train {

Result<std::string> ConfigSection(const RunPaths& paths, int64_t ranks) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string yaml, ReadTextFile(paths.Config()));
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(paths.Config()));
  const config::TrainConfig& train = experiment.train;
  std::string html = fmt::format(
      "<section><h2>Configuration</h2><p class=\"sub\">Optimizer {}, rate {}, schedule {}, batch "
      "{}, "
      "{} epochs{}. The same again, from within the run folder:</p><pre>bluestem train -c "
      "config.yaml -o ../again{}</pre><p class=\"sub\">What differs from the defaults:</p><div "
      "class=\"scroll\"><table class=\"words\"><tr><th>key</th><th>value</th><th>default</th></tr>",
      EscapeHtml(train.optimizer), train.learning_rate, EscapeHtml(train.schedule), train.batch,
      train.epochs, train.max_minutes > 0 ? fmt::format(" or {} minutes", train.max_minutes) : "",
      ranks > 1 ? fmt::format(" --nproc {}", ranks) : "");
  const config::Experiment defaults;
  for (const config::Field& field : config::Fields()) {
    const std::string value = ValueText(field, experiment);
    if (value == ValueText(field, defaults)) continue;
    html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", EscapeHtml(field.key),
                        EscapeHtml(value), EscapeHtml(DefaultText(field)));
  }
  return html + fmt::format(
                    "</table></div><details><summary>config.yaml, every key</summary><pre>{}"
                    "</pre></details></section>",
                    EscapeHtml(yaml));
}

}  // namespace bluestem::train
