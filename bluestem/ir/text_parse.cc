#include <algorithm>
#include <cmath>
#include <limits>

#include "bluestem/ir/ops/ops.h"
#include "bluestem/ir/text_lexer.h"

// The text form is described in docs/formats/graph_text.md.
namespace bluestem::ir {
namespace {

constexpr size_t kMaxNodes = 20000;

struct Type {
  DType dtype = DType::kF32;
  Shape shape;
};

// Whether the number is a whole one that T holds.
template <typename T>
bool FitsInteger(double value) {
  return value >= static_cast<double>(std::numeric_limits<T>::min()) &&
         value <= static_cast<double>(std::numeric_limits<T>::max()) && value == std::trunc(value);
}

bool Fits(DType dtype, double value) {
  switch (dtype) {
    case DType::kU8: return FitsInteger<uint8_t>(value);
    case DType::kS8: return FitsInteger<int8_t>(value);
    case DType::kS32: return FitsInteger<int32_t>(value);
    case DType::kS64: return std::fabs(value) <= 9007199254740992.0 && value == std::trunc(value);
    default: return true;
  }
}

class Parser {
 public:
  explicit Parser(const std::string& text) : lexer_(text) {}

  Result<Graph> Parse() {
    if (lexer_.Word() != "graph") return lexer_.Wrong("a graph begins with: graph \"name\"");
    BLUESTEM_ASSIGN_OR_RETURN(graph_.name, lexer_.QuotedText());
    while (lexer_.More()) BLUESTEM_RETURN_IF_ERROR(Statement());
    BLUESTEM_RETURN_IF_ERROR(Verify(graph_));
    return std::move(graph_);
  }

 private:
  Status Statement() {
    if (lexer_.Peek() == '%') return Definition();
    const std::string word = lexer_.Word();
    if (word == "input") return Input();
    if (word == "output") return Output();
    return lexer_.Wrong("expected input, output or a value such as %x");
  }

  Result<std::string> Name() {
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('%'));
    if (lexer_.Peek() == '"') return lexer_.QuotedText();
    std::string word = lexer_.Word();
    if (word.empty()) return lexer_.Wrong("expected a name after %");
    return word;
  }

  Result<std::string> NewName() {
    BLUESTEM_ASSIGN_OR_RETURN(std::string name, Name());
    if (ids_.count(name) != 0) return lexer_.Wrong(fmt::format("%{} is defined twice", name));
    return name;
  }

  Result<ValueId> Known() {
    BLUESTEM_ASSIGN_OR_RETURN(const std::string name, Name());
    const auto it = ids_.find(name);
    if (it == ids_.end()) return lexer_.Wrong(fmt::format("%{} is not defined before", name));
    return it->second;
  }

  Result<Type> ParseType() {
    const std::string word = lexer_.Word();
    Type type;
    bool known = false;
    for (const DType dtype :
         {DType::kF32, DType::kF64, DType::kU8, DType::kS8, DType::kS32, DType::kS64}) {
      if (word == DTypeName(dtype)) {
        type.dtype = dtype;
        known = true;
      }
    }
    if (!known) return lexer_.Wrong(fmt::format("\"{}\" is not an element type", word));
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('['));
    while (!lexer_.Take(']')) {
      if (!type.shape.empty()) BLUESTEM_RETURN_IF_ERROR(lexer_.Expect(','));
      BLUESTEM_ASSIGN_OR_RETURN(const int64_t extent, lexer_.Integer());
      type.shape.push_back(extent);
    }
    const Status shape = CheckShape(type.shape);
    return shape.ok() ? Result<Type>(type) : lexer_.Wrong(shape.message());
  }

  // "quant(scale=..., ...)" or nothing.
  Status ParseQuant(ValueId id) {
    if (lexer_.Peek() != 'q') return OkStatus();
    if (lexer_.Word() != "quant") return lexer_.Wrong("expected quant(...)");
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('('));
    QuantInfo quant;
    while (!lexer_.Take(')')) {
      const std::string key = lexer_.Word();
      BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('='));
      BLUESTEM_ASSIGN_OR_RETURN(const double value, lexer_.Real());
      if (key == "scale" && std::isfinite(value) && value > 0) {
        quant.scale = value;
      } else if (key != "scale" && Fits(DType::kS32, value) && SetQuant(quant, key, value)) {
        // Set by SetQuant.
      } else {
        return lexer_.Wrong(fmt::format("quant: {}={} is not allowed", key, value));
      }
      lexer_.Take(',');
    }
    graph_.value(id).quant = std::make_shared<const QuantInfo>(quant);
    return OkStatus();
  }

  static bool SetQuant(QuantInfo& quant, const std::string& key, double value) {
    const auto integer = static_cast<int32_t>(value);
    if (key == "zero_point") {
      quant.zero_point = integer;
    } else if (key == "bits" && integer >= 1 && integer <= 8) {
      quant.bits = integer;
    } else if (key == "levels" && integer >= 2 && integer <= 256) {
      quant.levels = integer;
    } else {
      return false;
    }
    return true;
  }

  // "f32[2,2] {1, 2, 3, 4}"; a shorter list repeats.
  Result<Tensor> Literal() {
    BLUESTEM_ASSIGN_OR_RETURN(const Type type, ParseType());
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('{'));
    std::vector<double> list;
    while (!lexer_.Take('}')) {
      if (!list.empty()) BLUESTEM_RETURN_IF_ERROR(lexer_.Expect(','));
      BLUESTEM_ASSIGN_OR_RETURN(const double value, lexer_.Real());
      if (!Fits(type.dtype, value)) {
        return lexer_.Wrong(fmt::format("{} is not a value of {}", value, DTypeName(type.dtype)));
      }
      list.push_back(value);
    }
    const int64_t count = ElementCount(type.shape);
    const auto given = static_cast<int64_t>(list.size());
    if (given == 0 || given > count || (given < count && count > kMaxRepeatedElements)) {
      return lexer_.Wrong(fmt::format("{} elements for a tensor of {}", given, count));
    }
    Tensor tensor(DType::kF64, type.shape);
    for (int64_t i = 0; i < count; ++i) {
      tensor.data<double>()[i] = list[static_cast<size_t>(i % given)];
    }
    return tensor.Cast(type.dtype);
  }

  Status Input() {
    BLUESTEM_ASSIGN_OR_RETURN(const std::string name, NewName());
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect(':'));
    BLUESTEM_ASSIGN_OR_RETURN(Type type, ParseType());
    ids_[name] = graph_.AddInput(name, type.dtype, std::move(type.shape));
    return ParseQuant(ids_[name]);
  }

  Status Output() {
    do {
      BLUESTEM_ASSIGN_OR_RETURN(const ValueId id, Known());
      graph_.outputs.push_back(id);
    } while (lexer_.Take(','));
    return OkStatus();
  }

  Status Definition() {
    BLUESTEM_ASSIGN_OR_RETURN(const std::string name, NewName());
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('='));
    const std::string op = lexer_.Word();
    if (op != "const") return NodeDefinition(name, op);
    BLUESTEM_ASSIGN_OR_RETURN(Tensor tensor, Literal());
    ids_[name] = graph_.AddConstant(name, std::move(tensor));
    return ParseQuant(ids_[name]);
  }

  Result<ValueId> Operand() {
    if (lexer_.Peek() == '%') return Known();
    if (lexer_.Peek() == '_') {
      lexer_.Take('_');
      return kNoValue;
    }
    BLUESTEM_ASSIGN_OR_RETURN(Tensor tensor, Literal());

    const ValueId id =
        graph_.AddConstant(fmt::format("const{}", graph_.value_count()), std::move(tensor));
    ids_[graph_.value(id).name] = id;
    return id;
  }

  Result<Attribute> ParseAttribute(AttributeKind kind) {
    switch (kind) {
      case AttributeKind::kInt: {
        BLUESTEM_ASSIGN_OR_RETURN(const int64_t value, lexer_.Integer());
        return Attribute(value);
      }
      case AttributeKind::kFloat: {
        BLUESTEM_ASSIGN_OR_RETURN(const double value, lexer_.Real());
        return Attribute(value);
      }
      case AttributeKind::kText: {
        BLUESTEM_ASSIGN_OR_RETURN(std::string value, lexer_.QuotedText());
        return Attribute(std::move(value));
      }
      default: break;
    }
    std::vector<int64_t> integers;
    std::vector<double> reals;
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('['));
    while (!lexer_.Take(']')) {
      if (!integers.empty() || !reals.empty()) BLUESTEM_RETURN_IF_ERROR(lexer_.Expect(','));
      if (kind == AttributeKind::kInts) {
        BLUESTEM_ASSIGN_OR_RETURN(const int64_t value, lexer_.Integer());
        integers.push_back(value);
      } else {
        BLUESTEM_ASSIGN_OR_RETURN(const double value, lexer_.Real());
        reals.push_back(value);
      }
    }
    return kind == AttributeKind::kInts ? Attribute(integers) : Attribute(reals);
  }

  Status ParseAttributes(const OpDef& def, Attributes& attributes) {
    if (!lexer_.Take('{')) return OkStatus();
    while (!lexer_.Take('}')) {
      if (!attributes.all().empty()) BLUESTEM_RETURN_IF_ERROR(lexer_.Expect(','));
      const std::string key = lexer_.Word();
      const AttributeDef* known = def.FindAttribute(key);
      if (known == nullptr || attributes.Has(key)) {
        return lexer_.Wrong(fmt::format("\"{}\" is not an attribute of {}{}", key, def.name,
                                        known == nullptr ? "" : " twice"));
      }
      BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('='));
      BLUESTEM_ASSIGN_OR_RETURN(Attribute value, ParseAttribute(known->kind));
      attributes.Set(key, std::move(value));
    }
    return OkStatus();
  }

  Status NodeDefinition(const std::string& name, const std::string& op) {
    const OpDef* def = FindOp(op);
    if (def == nullptr) return lexer_.Wrong(fmt::format("\"{}\" is not an op", op));
    if (graph_.nodes.size() >= kMaxNodes) return lexer_.Wrong("the graph has too many nodes");
    Node node{.op = op, .name = name, .inputs = {}, .outputs = {}, .attributes = {}};
    BLUESTEM_RETURN_IF_ERROR(lexer_.Expect('('));
    while (!lexer_.Take(')')) {
      if (!node.inputs.empty()) BLUESTEM_RETURN_IF_ERROR(lexer_.Expect(','));
      BLUESTEM_ASSIGN_OR_RETURN(const ValueId id, Operand());
      node.inputs.push_back(id);
    }
    BLUESTEM_RETURN_IF_ERROR(ParseAttributes(*def, node.attributes));
    auto inferred = InferNode(graph_, node);
    if (!inferred.ok()) return lexer_.Wrong(inferred.status().message());
    if (lexer_.Take(':')) {
      BLUESTEM_ASSIGN_OR_RETURN(const Type type, ParseType());
      if (type.dtype != inferred->dtype || type.shape != inferred->shape) {
        return lexer_.Wrong(fmt::format("%{} is {}{}, not {}{}", name, DTypeName(inferred->dtype),
                                        ShapeText(inferred->shape), DTypeName(type.dtype),
                                        ShapeText(type.shape)));
      }
    }
    if (lexer_.Take('@')) {
      BLUESTEM_ASSIGN_OR_RETURN(node.name, lexer_.QuotedText());
    }
    ids_[name] = graph_.AddValue(name, inferred->dtype, inferred->shape);
    graph_.value(ids_[name]).quant = inferred->quant;
    node.outputs = {ids_[name]};
    graph_.nodes.push_back(std::move(node));
    return OkStatus();
  }

  Lexer lexer_;
  Graph graph_;
  std::map<std::string, ValueId> ids_;
};

}  // namespace

Result<Graph> FromText(const std::string& text) {
  return Parser(text).Parse();
}

}  // namespace bluestem::ir
