#include "bluestem/codegen/documents.h"

#include <fmt/format.h>

#include "bluestem/codegen/compile.h"
#include "bluestem/codegen/text.h"

namespace bluestem::codegen {
namespace {

void Replace(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Names come from models: nothing of them may be read as Markdown.
std::string Code(const std::string& text) {
  std::string plain = CommentText(text);
  Replace(plain, "`", "'");
  return "`" + plain + "`";
}

std::string TensorRows(const char* kind, const std::vector<program::TensorInfo>& infos) {
  std::string rows;
  for (size_t i = 0; i < infos.size(); ++i) {
    const program::TensorInfo& info = infos[i];
    const std::string real =
        info.dtype == DType::kU8
            ? fmt::format("(code - {}) * {}", info.zero_point, DoubleLiteral(info.scale))
            : "the value";
    rows += fmt::format("| {} {} | {} | {} | {} | {} | {} |\n", kind, i, Code(info.name),
                        DTypeName(info.dtype), ShapeText(info.shape), Grouped(info.bytes()), real);
  }
  return rows;
}

}  // namespace

std::string MakeReadme(const std::string& form, const program::Program& program,
                       const EmitOptions& options) {
  int64_t macs = 0;
  for (const program::Call& call : program.calls) macs += call.macs;
  std::string targets;
  for (const Target* target : options.targets) {
    targets += (targets.empty() ? "" : ", ") + std::string(target->name);
  }
  std::string text = form;
  Replace(text, "@NAME@", Code(program.name));
  Replace(text, "@HASH@", Code(program.model_hash));
  Replace(text, "@VERSION@", options.tool_version);
  Replace(text, "@TARGETS@", targets);
  Replace(text, "@TARGET@", options.targets.empty() ? "x86-64" : options.targets[0]->name);
  Replace(text, "@CALLS@", Grouped(static_cast<int64_t>(program.calls.size())));
  Replace(text, "@MACS@", Grouped(macs));
  Replace(text, "@WEIGHT_BYTES@", Grouped(static_cast<int64_t>(program.constants.size())));
  Replace(text, "@ARENA_BYTES@", Grouped(program.arena_bytes));
  Replace(text, "@TENSORS@\n",
          TensorRows("input", program.inputs) + TensorRows("output", program.outputs));
  return text;
}

std::string MakeBuildScript(const SourceTree& tree) {
  std::string cases;
  std::string names;
  for (const Target& target : Targets()) {
    cases += fmt::format("  {}) compiler={}; flags=\"{}\" ;;\n", target.name, target.compiler,
                         target.flags);
    names += (names.empty() ? "" : ", ") + std::string(target.name);
  }
  std::string units;
  for (const std::string& unit : tree.units) units += " \\\n  " + unit;
  return fmt::format(
      "#!/bin/sh\n"
      "# Makes libbluestem_TARGET.so from the sources beside this file with one compiler call:\n"
      "#   ./build.sh [TARGET] [OUTPUT]      TARGET: {}; CXX names another g++\n"
      "set -eu\n"
      "target=${{1:-x86-64}}\n"
      "output=$(pwd)/libbluestem_$target.so\n"
      "case ${{2:-}} in '') ;; /*) output=$2 ;; *) output=$(pwd)/$2 ;; esac\n"
      "cd \"$(dirname \"$0\")\"\n"
      "case $target in\n{}"
      "  *) echo \"build.sh: target $target; expected {}\" >&2; exit 2 ;;\nesac\n"
      "exec ${{CXX:-$compiler}} {} \\\n  $flags -I. \\\n  {} \\\n"
      "  -Wl,-soname,libbluestem_$target.so -s -o \"$output\"{}\n",
      names, cases, names, fmt::join(CommonFlags(), " "), fmt::join(LinkFlags(), " "), units);
}

}  // namespace bluestem::codegen
