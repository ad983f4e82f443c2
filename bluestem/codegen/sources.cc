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

// "avx2" -> "avx2"; "avx512" -> "avx512f,avx512bw,avx512vl": the rows of isa_flags.txt for x86-64.
using PragmaTargets = std::map<std::string, std::string>;

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
    if (architecture != "x86-64") continue;
    std::string features;
    for (std::string flag; words >> flag;) {
      if (flag.rfind("-m", 0) != 0) continue;
      features += (features.empty() ? "" : ",") + flag.substr(2);
    }
    targets[suffix] = features;
  }
  return targets;
}

// Returns the ISA that ends the file's stem ("avx2" of lut_avx2.cc), or "".
std::string IsaOf(const std::string& path, const PragmaTargets& targets) {
  const std::string stem = Path(path).stem().string();
  const size_t underscore = stem.rfind('_');
  const std::string suffix = underscore == std::string::npos ? stem : stem.substr(underscore + 1);
  return targets.count(suffix) != 0 ? suffix : "";
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
        "#if defined(__x86_64__)\n#pragma GCC target(\"{}\")\n#endif\n#include \"{}\"\n",
        isa, family, targets.at(isa), unit);
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
