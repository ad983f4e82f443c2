#include "bluestem/cli/op_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bluestem::cli {

using Json = nlohmann::ordered_json;

std::string BitsText(int32_t x_bits, int32_t w_bits, int64_t macs) {
  if (macs == 0) return "-";
  return fmt::format("w{}a{}", w_bits, x_bits == 0 ? 32 : x_bits);
}

std::string ShortName(const std::string& op) {
  constexpr size_t kMost = 46;
  if (op.size() <= kMost) return op;
  return op.substr(0, 20) + "..." + op.substr(op.size() - 23);
}

std::vector<BitsTotal> TotalsByBits(const std::vector<OpTime>& ops) {
  std::vector<BitsTotal> totals;
  for (const OpTime& op : ops) {
    const std::string bits = BitsText(op.x_bits, op.w_bits, op.macs);
    auto total = std::find_if(totals.begin(), totals.end(),
                              [&](const BitsTotal& row) { return row.bits == bits; });
    if (total == totals.end()) total = totals.insert(totals.end(), {.bits = bits});
    total->macs += op.macs;
    total->seconds += op.seconds;
    total->share += op.share;
  }
  return totals;
}

void PrintOps(Output& output, const std::vector<OpTime>& ops) {
  std::vector<std::vector<std::string>> rows;
  BitsTotal all;
  for (const OpTime& op : ops) {
    rows.push_back({op.op, op.kernel + (op.reference.empty() ? "" : " (!)"),
                    BitsText(op.x_bits, op.w_bits, op.macs),
                    op.macs == 0 ? "-" : CountText(op.macs),
                    fmt::format("{:.4f}", op.seconds * 1e3),
                    op.macs == 0 ? "-" : fmt::format("{:.2f}", op.GigaMacs()),
                    fmt::format("{:.1f}", op.share * 100)});
    all.macs += op.macs;
    all.seconds += op.seconds;
  }
  rows.push_back({"all calls", "-", "-", CountText(all.macs),
                  fmt::format("{:.4f}", all.seconds * 1e3), fmt::format("{:.2f}", all.GigaMacs()),
                  "100.0"});
  output.Table({"op", "kernel", "bits", "MACs", "ms", "GMAC/s", "share %"}, rows);
  for (const OpTime& op : ops) {
    if (op.reference.empty()) continue;
    output.Warn("{}: ran on the slow reference kernel {}: {}", op.op, op.kernel, op.reference);
  }
}

Json OpsJson(const std::vector<OpTime>& ops) {
  Json list = Json::array();
  for (const OpTime& op : ops) {
    list.push_back({{"op", op.op},
                    {"kernel", op.kernel},
                    {"x_bits", op.x_bits},
                    {"w_bits", op.w_bits},
                    {"macs", op.macs},
                    {"seconds", op.seconds},
                    {"gmacs_per_second", op.GigaMacs()},
                    {"share", op.share},
                    {"reference", op.reference}});
  }
  return list;
}

Json TotalsJson(const std::vector<BitsTotal>& totals) {
  Json list = Json::array();
  for (const BitsTotal& total : totals) {
    list.push_back({{"bits", total.bits},
                    {"macs", total.macs},
                    {"seconds", total.seconds},
                    {"gmacs_per_second", total.GigaMacs()},
                    {"share", total.share}});
  }
  return list;
}

void PrintSubject(Output& output, const Subject& subject, const Cpu& cpu) {
  output.Line("model             {} ({})", subject.name,
              subject.engine == "compiled" ? "compiled: " + subject.library
                                           : "the interpreter, not compiled code");
  output.Line("input             {}", subject.input);
  output.Line("machine           {}, {}, {} cores; instruction set {}, {} thread{}", cpu.name,
              cpu.clock == "unknown" ? "clock unknown" : cpu.clock, cpu.cores,
              subject.session->isa(), subject.session->threads(),
              subject.session->threads() == 1 ? "" : "s");
  output.Line("tool              bluestem {}", BLUESTEM_VERSION);
}

Json SubjectJson(const Subject& subject, const Cpu& cpu) {
  return {
      {"model", subject.name},
      {"model_hash", subject.session->model_hash()},
      {"engine", subject.engine},
      {"library", subject.library},
      {"input", subject.input},
      {"isa", subject.session->isa()},
      {"threads", subject.session->threads()},
      {"cpu", {{"name", cpu.name}, {"clock", cpu.clock}, {"mhz", cpu.mhz}, {"cores", cpu.cores}}},
      {"tool_version", BLUESTEM_VERSION}};
}

}  // namespace bluestem::cli
