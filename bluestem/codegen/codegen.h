// codegen: a Program to an artefact folder: generated C++, the kernels it names, compiled
// libraries, manifest, README, run programs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/program/program.h"

namespace bluestem::codegen {

// A compile target: what `--target` names. Table in targets/targets.cc.
struct Target {
  const char* name;          // "x86-64", "aarch64", "armhf"
  const char* architecture;  // key of kernels/isa_flags.txt
  const char* compiler;      // "g++", "aarch64-linux-gnu-g++", ...
  const char* archiver;
  const char* package;  // the Debian package that has the compiler
  const char* flags;
  const char* emulator;  // "" or "qemu-aarch64 -L /usr/aarch64-linux-gnu"
};
const std::vector<Target>& Targets();
// Returns nullptr if unknown.
const Target* FindTarget(const std::string& name);

struct ArtefactFile {  // carried as is: meta.yaml, model.onnx, reports
  std::string path;    // inside the artefact
  Bytes content;
};

struct EmitOptions {
  std::vector<const Target*> targets;
  std::vector<ArtefactFile> files;
  std::string provenance_json;  // the manifest's "model" object
  Path source_root;             // where bluestem/kernels and bluestem/edge lie
  std::string tool_version = "0.1.0";
  std::function<void(const std::string& step)> progress;
};

// Writes the artefact to `output` (a folder that appears whole) and `output`.tar.gz.
// Layout: docs/formats/artefact.md. Errors: kUnavailable naming compiler and package before
// anything is compiled; kIo.
Status Emit(const program::Program& program, const Path& output, const EmitOptions& options);

// Checks an artefact folder against its manifest. Errors: kInvalidData naming the file whose
// SHA-256 differs or is missing; a newer format version.
struct Manifest {
  int64_t format_version = 0;
  std::string tool_version;
  std::string model_hash;
  std::vector<std::pair<std::string, std::string>> files;  // path, SHA-256
  std::string json;                                        // as read
};
Result<Manifest> ReadManifest(const Path& artefact);
// Checks each file of the manifest against its SHA-256; with `only` (paths inside the artefact) no
// more than those.
Status CheckArtefact(const Path& artefact, const std::vector<std::string>& only = {});

}  // namespace bluestem::codegen
