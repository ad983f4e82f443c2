// A reader of the pickles that CIFAR's python batches are: dicts, lists, tuples, numbers, texts,
// bytes and numpy arrays of bytes. It executes nothing: a callable is kept as its name with its
// arguments.
//
// Protocols 0 to 4, of which the opcodes that such files use. Threads: values. Ownership: a Pickle
// owns its nodes; memory is proportional to the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem::data {

class Pickle {
 public:
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kList,
    kTuple,
    kDict,
    kGlobal,
    kCall
  };
  struct Node {
    Kind kind = Kind::kNone;
    int64_t number = 0;              // kBool, kInt
    std::string text;                // kText (bytes or UTF-8); kGlobal: "module name"
    std::vector<uint32_t> children;  // kList, kTuple: items; kDict: key, value, ...;
                                     // kCall: callable, arguments, [state]
  };

  // Errors: kInvalidData "name: ..." for a truncated file, an opcode outside the subset, named.
  static Result<Pickle> Parse(const Bytes& bytes, const std::string& name);

  const Node& root() const { return nodes_[root_]; }
  const Node& Child(const Node& node, size_t i) const { return nodes_[node.children[i]]; }
  // The value of text key `key` in a dict; nullptr if absent.
  const Node* Find(const Node& dict, const std::string& key) const;
  // The bytes of a text, or of _codecs.encode(text, "latin1"), as Python 3 writes bytes in
  // protocol 2.
  Result<std::string> BytesOf(const Node& node) const;
  // A numpy array of u8: its shape, and its elements in row-major order.
  struct Array {
    std::vector<int64_t> shape;
    std::string bytes;
  };
  Result<Array> ArrayOf(const Node& node) const;
  Result<std::vector<int64_t>> IntegersOf(const Node& node) const;
  Result<std::vector<std::string>> TextsOf(const Node& node) const;

 private:
  friend class PickleMachine;
  std::vector<Node> nodes_;
  uint32_t root_ = 0;
};

}  // namespace bluestem::data
