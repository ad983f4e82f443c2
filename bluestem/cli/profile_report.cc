#include "bluestem/cli/profile_report.h"

#include <algorithm>

#include "bluestem/base/html.h"

namespace bluestem::cli {
namespace {

constexpr int kWidth = 980, kRow = 22, kLabel = 330, kBar = 420, kTop = 6;

// The colour of a kind of bits: the fewer, the bluer; real values amber, moves grey.
const char* Colour(const OpTime& op) {
  if (!op.reference.empty()) return "#dc2626";
  if (op.macs == 0) return "#94a3b8";
  if (op.w_bits == 1) return "#2563eb";
  return op.w_bits <= 8 ? "#10b981" : "#f59e0b";
}

std::string Bars(const std::vector<OpTime>& ops) {
  double most = 0;
  for (const OpTime& op : ops) most = std::max(most, op.share);
  const int height = 2 * kTop + kRow * static_cast<int>(ops.size());
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\">", kWidth, height);
  int y = kTop;
  for (const OpTime& op : ops) {
    const std::string bits = BitsText(op.x_bits, op.w_bits, op.macs);
    const double width = most > 0 ? std::max(1.0, kBar * op.share / most) : 1.0;
    std::string note = fmt::format("{:.1f} %, {:.4f} ms", op.share * 100, op.seconds * 1e3);
    if (op.macs > 0) note += fmt::format(", {:.1f} GMAC/s, {}", op.GigaMacs(), bits);
    svg += fmt::format(
        "<g><title>{}: {} ({})</title><text x=\"{}\" y=\"{}\" class=\"tick\" "
        "text-anchor=\"end\">{}</text><rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" "
        "rx=\"3\" fill=\"{}\"/><text x=\"{:.1f}\" y=\"{}\" class=\"tick\">{}</text></g>",
        EscapeHtml(op.op), EscapeHtml(op.kernel), EscapeHtml(note), kLabel - 8, y + 14,
        EscapeHtml(ShortName(op.op)), kLabel, y + 3, width, kRow - 6, Colour(op),
        kLabel + width + 6, y + 14, EscapeHtml(note));
    y += kRow;
  }
  return svg + "</svg>";
}

std::string CallsTable(const std::vector<OpTime>& ops) {
  std::string html =
      "<div class=\"scroll\"><table><tr><th>op</th><th "
      "class=\"text\">kernel</th><th>bits</th><th>MACs</th>"
      "<th>ms</th><th>GMAC/s</th><th>share</th></tr>";
  for (const OpTime& op : ops) {
    html += fmt::format(
        "<tr><td>{}</td><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{:.4f}</td><td>{}</td>"
        "<td>{:.1f} %</td></tr>",
        EscapeHtml(op.op), EscapeHtml(op.kernel), BitsText(op.x_bits, op.w_bits, op.macs),
        op.macs == 0 ? "-" : CountText(op.macs), op.seconds * 1e3,
        op.macs == 0 ? "-" : fmt::format("{:.2f}", op.GigaMacs()), op.share * 100);
  }
  return html + "</table></div>";
}

std::string BitsTable(const std::vector<OpTime>& ops) {
  std::string html =
      "<section><h2>By bits</h2><div class=\"scroll\"><table><tr><th>weights and "
      "activations</th><th>MACs</th><th>ms</th><th>GMAC/s</th><th>share</th></tr>";
  for (const BitsTotal& total : TotalsByBits(ops)) {
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.4f}</td><td>{}</td><td>{:.1f} %</td></tr>",
        total.bits == "-" ? "calls without weights" : total.bits,
        total.macs == 0 ? "-" : CountText(total.macs), total.seconds * 1e3,
        total.macs == 0 ? "-" : fmt::format("{:.2f}", total.GigaMacs()), total.share * 100);
  }
  return html + "</table></div></section>";
}

std::string Warnings(const std::vector<OpTime>& ops) {
  std::string list;
  for (const OpTime& op : ops) {
    if (op.reference.empty()) continue;
    list += fmt::format("<dt>{}</dt><dd>{}: {}</dd>", EscapeHtml(op.op), EscapeHtml(op.kernel),
                        EscapeHtml(op.reference));
  }
  if (list.empty()) return "";
  return "<section><h2>On the slow reference kernel</h2><dl>" + list + "</dl></section>";
}

std::string Machine(const Subject& subject, const Cpu& cpu) {
  const auto row = [](const char* name, const std::string& value) {
    return fmt::format("<dt>{}</dt><dd>{}</dd>", name, EscapeHtml(value));
  };
  return "<section><h2>Measured on</h2><dl>" + row("CPU", cpu.name) + row("clock", cpu.clock) +
         row("instruction set", subject.session->isa()) +
         row("threads", fmt::format("{}", subject.session->threads())) +
         row("engine", subject.engine) + row("library", subject.library) +
         row("input", subject.input) + row("model hash", subject.session->model_hash()) +
         row("tool", std::string("bluestem ") + BLUESTEM_VERSION) + "</dl></section>";
}

}  // namespace

std::string ProfilePage(const Subject& subject, const Cpu& cpu, const std::vector<OpTime>& ops,
                        int64_t runs) {
  BitsTotal all;
  for (const OpTime& op : ops) {
    all.macs += op.macs;
    all.seconds += op.seconds;
  }
  std::string html = PageBegin(subject.name + " profile", subject.name,
                               fmt::format("Median of {} profiled runs, {}, {}", runs,
                                           subject.engine, subject.session->isa())) +
                     "<div class=\"tiles\">";
  html += PageTile(SecondsText(all.seconds), "all calls") +
          PageTile(fmt::format("{:.1f}", all.GigaMacs()), "GMAC/s") +
          PageTile(CountText(all.macs), "multiply-accumulates") +
          PageTile(fmt::format("{}", ops.size()), "calls") + "</div>";
  html += Warnings(ops);
  html += "<section><h2>Calls, as they run</h2>" + Bars(ops) + CallsTable(ops) + "</section>";
  html += BitsTable(ops) + Machine(subject, cpu);
  return html + "</main></body></html>\n";
}

}  // namespace bluestem::cli
