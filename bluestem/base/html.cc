#include "bluestem/base/html.h"

#include <fmt/format.h>

namespace bluestem {

std::string EscapeHtml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

const char* const kReportStyle = R"(
:root{--ink:#0f172a;--soft:#64748b;--line:#e2e8f0;--paper:#fff;--wash:#f8fafc;--accent:#2563eb;
--wrong:#dc2626}
@media(prefers-color-scheme:dark){:root{--ink:#e2e8f0;--soft:#94a3b8;--line:#334155;
--paper:#0f172a;--wash:#1e293b;--accent:#60a5fa;--wrong:#f87171}}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1020px;margin:0 auto;padding:32px 20px 64px}h1{font-size:26px;margin:0}
h2{font-size:17px;margin:0 0 12px}a{color:var(--accent)}
.sub{color:var(--soft);margin:2px 0 22px}
section{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:18px 20px;
margin:0 0 18px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;
margin-bottom:18px}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:12px 16px}
.tile b{display:block;font-size:23px}.tile span{color:var(--soft);font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(380px,1fr));gap:16px}
svg{width:100%;height:auto}
svg .title{font-size:13px;font-weight:600;fill:var(--ink)}
svg .tick{font-size:11px;fill:var(--soft)}svg .grid{stroke:var(--line)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13.5px}
th,td{padding:5px 9px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child,.text{text-align:left}
tr.total td{font-weight:700;border-bottom:0}
table.confusion td{text-align:center;border:1px solid var(--paper)}
.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:12px}
.mistakes figure{margin:0;font-size:12px;line-height:1.35}
.mistakes img{width:100%;image-rendering:pixelated;border-radius:6px;border:1px solid var(--line)}
.mistakes i{color:var(--soft);font-style:normal}.wrong{color:var(--wrong)}
.sides{display:grid;grid-template-columns:2fr 3fr 3fr;gap:22px}.sides p{margin:0 0 8px}
.sides .mistakes{grid-template-columns:repeat(auto-fill,minmax(92px,1fr))}
h3{font-size:15px;margin:18px 0 0}
@media(max-width:860px){.sides{grid-template-columns:1fr}}
.key{display:inline-block;width:11px;height:11px;border-radius:3px;margin:0 6px 0 0}
.keys{color:var(--soft);font-size:13px;margin:0 0 8px}.keys .key{margin-left:10px}
.keys .key:first-child{margin-left:0}
.stack{display:flex;height:16px;border-radius:4px;overflow:hidden;min-width:220px}
th.wide{width:60%}td.warn{color:var(--wrong);font-weight:700}
table.words td,table.words th{text-align:left;white-space:normal;overflow-wrap:anywhere}
table.words td:first-child{white-space:nowrap}
details{margin:14px 0 0}summary{cursor:pointer;color:var(--accent)}
pre{background:var(--wash);border-radius:8px;padding:12px;white-space:pre-wrap;font-size:13px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}dt{color:var(--soft)}
dd{margin:0}
)";

std::string PageBegin(const std::string& title, const std::string& heading,
                      const std::string& subtitle) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>{}</title><style>{}</style></head><body><main>"
      "<h1>{}</h1><p class=\"sub\">{}</p>",
      EscapeHtml(title), kReportStyle, EscapeHtml(heading), EscapeHtml(subtitle));
}

std::string PageTile(const std::string& value, const std::string& what) {
  return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>", EscapeHtml(value),
                     EscapeHtml(what));
}

}  // namespace bluestem
