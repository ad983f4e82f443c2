// Builder: what the lowering of one op needs: operands of values, new constants, buffers and calls.
// Buffers are symbolic until the memory plan places them.
//
// Threads: none. Ownership: refers to the graph, owns the program being built.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"
#include "bluestem/lower/lower.h"
#include "bluestem/program/program.h"

namespace bluestem::lower {

constexpr int64_t kAlignment =
    64;  // of every buffer and constant, in bytes: a cache line, an AVX-512 register

class Builder {
 public:
  Builder(const ir::Graph& graph, std::vector<Decision>& decisions);

  const ir::Graph& graph() const { return graph_; }
  const ir::Value& value(ir::ValueId id) const { return graph_.value(id); }

  // Returns where `id` lies: a program input, a constant, or the buffer made for it. kNone for
  // kNoValue.
  program::Operand Read(ir::ValueId id);
  // Returns where the node writes `id`: a program output or a fresh buffer.
  program::Operand Write(ir::ValueId id);
  // Returns the one node that reads `id`, or null where there are several, none, or it is a graph
  // output.
  const ir::Node* OnlyReader(ir::ValueId id) const;
  // Marks a node as part of another node's call: it is not lowered itself.
  void Absorb(const ir::Node& node) { absorbed_.insert(&node); }
  bool IsAbsorbed(const ir::Node& node) const { return absorbed_.count(&node) != 0; }
  // Makes `to` another name of the bytes of `from` (a reshape).
  void Alias(ir::ValueId to, ir::ValueId from);
  // Returns a fresh buffer that lives for the next call alone.
  program::Operand Scratch(int64_t bytes);

  // Returns a constant with these bytes; equal constants are stored once.
  program::Operand Constant(const void* bytes, int64_t size);
  template <typename T>
  program::Operand Constant(const std::vector<T>& values) {
    return Constant(values.data(), static_cast<int64_t>(values.size() * sizeof(T)));
  }

  void Emit(program::Call call);
  void Explain(const std::string& node, std::string text) {
    decisions_.push_back({node, std::move(text)});
  }

  // Places the buffers and returns the program. Requires: called once, after the last node.
  program::Program Finish(const std::string& model_hash);

 private:
  program::Operand NewBuffer(int64_t bytes);
  void ClaimAliasedOutputs();
  void CopyAliasedOutputs();

  const ir::Graph& graph_;
  std::vector<Decision>& decisions_;
  program::Program program_;
  std::map<ir::ValueId, program::Operand>
      operands_;                            // kArena offsets are buffer indices until Finish
  std::map<ir::ValueId, int64_t> claimed_;  // values that are an output under another shape
  std::set<const ir::Node*> absorbed_;
  std::vector<int64_t> buffer_bytes_;
  std::map<std::string, int64_t> constants_;  // bytes to offset
};

// "[1,32,32,64] u2": shape and what the elements are.
std::string Describe(const ir::Value& value);

}  // namespace bluestem::lower
