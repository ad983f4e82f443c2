#include "bluestem/codegen/sources.h"

#include <algorithm>
#include <sstream>

namespace bluestem::codegen {
namespace {

namespace fs = std::filesystem;

// Returns the paths that `text` includes with quotes, in order.
std::vector<std::string> QuotedIncludes(const std::string& text) {
  constexpr std::string_view kInclude = "#include \"";
  std::vector<std::string> paths;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, kInclude.size(), kInclude) != 0) continue;
    const size_t end = line.find('"', kInclude.size());
    if (end != std::string::npos) {
      paths.push_back(line.substr(kInclude.size(), end - kInclude.size()));
    }
  }
  return paths;
}

// Returns the .cc files that define what the header at `path` declares.
std::vector<std::string> Definitions(const Path& source_root, const std::string& path) {
  const Path header = path;
  const bool in_family =
      path.rfind("bluestem/kernels/", 0) == 0 && header.parent_path() != Path("bluestem/kernels");
  std::vector<std::string> sources;
  std::error_code error;
  if (!in_family) {
    const Path source = Path(header).replace_extension(".cc");
    if (fs::exists(source_root / source, error)) sources.push_back(source.string());
    return sources;
  }
  for (const auto& entry : fs::directory_iterator(source_root / header.parent_path(), error)) {
    if (entry.path().extension() == ".cc") {
      sources.push_back((header.parent_path() / entry.path().filename()).string());
    }
  }
  return sources;
}

// What a row of isa_flags.txt is as a pragma: "avx512" -> {"__x86_64__",
// "avx512f,avx512bw,avx512vl"}, "neon_dot" -> {"__aarch64__", "arch=armv8.2-a+dotprod"}.
struct PragmaTarget {
  std::string macro;
  std::string features;
};
using PragmaTargets = std::map<std::string, PragmaTarget>;

Result<PragmaTargets> ReadPragmaTargets(const Path& source_root) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text,
                            ReadTextFile(source_root / "bluestem/kernels/isa_flags.txt"));
  PragmaTargets targets;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string suffix;
    std::string architecture;
    words >> suffix >> architecture;
    if (architecture != "x86-64" && architecture != "aarch64") continue;
    std::string features;
    for (std::string flag; words >> flag;) {
      if (flag.rfind("-m", 0) != 0) continue;
      features += (features.empty() ? "" : ",") + flag.substr(2);
    }
    // A row without flags needs no pragma.
    if (features.empty()) continue;
    targets[suffix] = {architecture == "x86-64" ? "__x86_64__" : "__aarch64__", features};
  }
  return targets;
}

// Returns the ISA that ends the file's stem ("avx2" of lut_avx2.cc), or "".
std::string IsaOf(const std::string& path, const PragmaTargets& targets) {
  const std::string stem = "_" + Path(path).stem().string();
  for (const auto& [isa, target] : targets) {
    const std::string end = "_" + isa;
    const bool ends =
        stem.size() >= end.size() && stem.compare(stem.size() - end.size(), end.size(), end) == 0;
    if (ends) return isa;
  }
  return "";
}

// Replaces the ISA units by their one-pragma files.
void WrapIsaUnits(const PragmaTargets& targets, SourceTree& tree) {
  for (std::string& unit : tree.units) {
    const std::string isa = IsaOf(unit, targets);
    if (isa.empty()) continue;
    const std::string family = Path(unit).parent_path().filename().string();
    const std::string name = fmt::format("isa_{}_{}.cc", family, Path(unit).stem().string());
    tree.files[name] = fmt::format(
        "// Compiles the {} kernels of {} with the instructions that they use, whatever the "
        "compiler's "
        "flags.\n"
        "#if defined({})\n#pragma GCC target(\"{}\")\n#endif\n#include \"{}\"\n",
        isa, family, targets.at(isa).macro, targets.at(isa).features, unit);
    unit = name;
  }
}

void AddIncluded(const SourceTree& tree, const std::string& path, std::set<std::string>& seen,
                 std::string& text) {
  const auto file = tree.files.find(path);
  if (file == tree.files.end() || !seen.insert(path).second) return;
  text += fmt::format("{} {}\n", path, file->second.size()) + file->second;
  for (const std::string& include : QuotedIncludes(file->second)) {
    AddIncluded(tree, include, seen, text);
  }
}

}  // namespace

Result<SourceTree> CollectSources(const Path& source_root, const std::set<std::string>& roots) {
  BLUESTEM_ASSIGN_OR_RETURN(const PragmaTargets targets, ReadPragmaTargets(source_root));
  SourceTree tree;
  std::vector<std::string> pending(roots.begin(), roots.end());
  while (!pending.empty()) {
    const std::string path = pending.back();
    pending.pop_back();
    if (tree.files.count(path) != 0) continue;
    BLUESTEM_ASSIGN_OR_RETURN(tree.files[path], ReadTextFile(source_root / path));
    for (const std::string& include : QuotedIncludes(tree.files[path])) pending.push_back(include);
    if (Path(path).extension() != ".h") {
      if (Path(path).extension() == ".cc") tree.units.push_back(path);
      continue;
    }
    for (const std::string& source : Definitions(source_root, path)) pending.push_back(source);
  }
  std::sort(tree.units.begin(), tree.units.end());
  WrapIsaUnits(targets, tree);
  return tree;
}

std::string TranslationUnitText(const SourceTree& tree, const std::string& unit) {
  std::set<std::string> seen;
  std::string text;
  AddIncluded(tree, unit, seen, text);
  return text;
}

}  // namespace bluestem::codegen
