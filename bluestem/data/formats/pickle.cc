#include "bluestem/data/formats/pickle.h"

#include <algorithm>

namespace bluestem::data {
namespace {

using Kind = Pickle::Kind;
using Node = Pickle::Node;

constexpr int64_t kMaxElements = int64_t{1} << 31;

Status Bad(const char* what) {
  return Error(Code::kInvalidData, "pickle: {}", what);
}

// UTF-8 of U+0000..U+00FF to the bytes that they number.
Result<std::string> Latin1(const std::string& utf8) {
  std::string bytes;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x80) {
      bytes += utf8[i];
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < utf8.size()) {
      bytes +=
          static_cast<char>(((byte & 3) << 6) | (static_cast<unsigned char>(utf8[++i]) & 0x3f));
    } else {
      return Bad("a character beyond latin1 in bytes");
    }
  }
  return bytes;
}

bool IsCall(const Pickle& pickle, const Node& node, const std::string& suffix) {
  if (node.kind != Kind::kCall) return false;
  const Node& callable = pickle.Child(node, 0);
  return callable.kind == Kind::kGlobal && callable.text.size() >= suffix.size() &&
         callable.text.compare(callable.text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// dtype('u1') with its arguments ('u1', ...).
bool IsU8(const Pickle& pickle, const Node& node) {
  if (!IsCall(pickle, node, "numpy dtype") && !IsCall(pickle, node, "numpy._core.multiarray dtype"))
    return false;
  const Node& arguments = pickle.Child(node, 1);
  return arguments.kind == Kind::kTuple && !arguments.children.empty() &&
         pickle.Child(arguments, 0).text == "u1";
}

// The elements of an [n, m] array in column-major order, brought to row-major.
std::string Transposed(const std::string& bytes, int64_t rows, int64_t columns) {
  std::string result(bytes.size(), '\0');
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      result[static_cast<size_t>(r * columns + c)] = bytes[static_cast<size_t>(c * rows + r)];
    }
  }
  return result;
}

}  // namespace

const Node* Pickle::Find(const Node& dict, const std::string& key) const {
  if (dict.kind != Kind::kDict) return nullptr;
  for (size_t i = 0; i + 1 < dict.children.size(); i += 2) {
    const Result<std::string> text = BytesOf(Child(dict, i));
    if (text.ok() && *text == key) return &Child(dict, i + 1);
  }
  return nullptr;
}

Result<std::string> Pickle::BytesOf(const Node& node) const {
  if (node.kind == Kind::kText) return node.text;
  if (!IsCall(*this, node, "_codecs encode")) return Bad("expected text or bytes");
  const Node& arguments = Child(node, 1);
  if (arguments.kind != Kind::kTuple || arguments.children.empty() ||
      Child(arguments, 0).kind != Kind::kText) {
    return Bad("expected text or bytes");
  }
  return Latin1(Child(arguments, 0).text);
}

// numpy writes _reconstruct(ndarray, (0,), 'b') with the state (version, shape, dtype, fortran,
// bytes).
Result<Pickle::Array> Pickle::ArrayOf(const Node& node) const {
  const bool is_array = IsCall(*this, node, "multiarray _reconstruct") && node.children.size() == 3;
  if (!is_array || Child(node, 2).kind != Kind::kTuple || Child(node, 2).children.size() != 5) {
    return Bad("expected a numpy array");
  }
  const Node& state = Child(node, 2);
  if (!IsU8(*this, Child(state, 2))) return Bad("expected a numpy array of uint8");
  Array array;
  BLUESTEM_ASSIGN_OR_RETURN(array.shape, IntegersOf(Child(state, 1)));
  BLUESTEM_ASSIGN_OR_RETURN(array.bytes, BytesOf(Child(state, 4)));
  int64_t count = 1;
  for (const int64_t extent : array.shape) {
    if (extent < 0 || (extent > 0 && count > kMaxElements / extent))
      return Bad("the array's shape is out of range");
    count *= extent;
  }
  if (count != static_cast<int64_t>(array.bytes.size()))
    return Bad("the array's shape does not match its bytes");
  const bool fortran = Child(state, 3).number != 0;
  if (fortran && array.shape.size() > 2) return Bad("expected an array in row-major order");
  if (fortran && array.shape.size() == 2)
    array.bytes = Transposed(array.bytes, array.shape[0], array.shape[1]);
  return array;
}

Result<std::vector<int64_t>> Pickle::IntegersOf(const Node& node) const {
  if (node.kind != Kind::kList && node.kind != Kind::kTuple)
    return Bad("expected a list of integers");
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (Child(node, i).kind != Kind::kInt) return Bad("expected a list of integers");
    numbers.push_back(Child(node, i).number);
  }
  return numbers;
}

Result<std::vector<std::string>> Pickle::TextsOf(const Node& node) const {
  if (node.kind != Kind::kList && node.kind != Kind::kTuple) return Bad("expected a list of names");
  std::vector<std::string> texts;
  for (size_t i = 0; i < node.children.size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(std::string text, BytesOf(Child(node, i)));
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace bluestem::data
