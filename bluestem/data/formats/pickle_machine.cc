// The stack machine of pickle: opcodes to nodes. What the nodes mean is in pickle.cc.
#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_map>

#include "bluestem/data/formats/pickle.h"

namespace bluestem::data {

class PickleMachine {
 public:
  PickleMachine(const Bytes& bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Result<Pickle> Run() {
    while (!stopped_) {
      uint8_t opcode = 0;
      if (!Byte(opcode)) return Fail("truncated");
      BLUESTEM_RETURN_IF_ERROR(Step(static_cast<char>(opcode)));
      if (failed_) return Fail(fmt::format("truncated or malformed at opcode 0x{:02x}", opcode));
    }
    if (stack_.empty()) return Fail("nothing is left on the stack");
    pickle_.root_ = stack_.back();
    return std::move(pickle_);
  }

 private:
  using Kind = Pickle::Kind;
  using Node = Pickle::Node;

  Status Fail(const std::string& what) const {
    return Error(Code::kInvalidData, "{}: pickle: {} at byte {}", name_, what, position_);
  }

  // Reading. A read past the end sets failed_ and gives zeros.
  bool Byte(uint8_t& value) {
    if (position_ >= bytes_.size()) return false;
    value = bytes_[position_++];
    return true;
  }
  uint64_t Little(size_t count) {
    if (bytes_.size() - position_ < count) {
      failed_ = true;
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) value |= uint64_t{bytes_[position_ + i]} << (8 * i);
    position_ += count;
    return value;
  }
  std::string Text(uint64_t count) {
    if (failed_ || bytes_.size() - position_ < count) {
      failed_ = true;
      return "";
    }
    const auto begin = bytes_.begin() + static_cast<int64_t>(position_);
    position_ += static_cast<size_t>(count);
    return std::string(begin, begin + static_cast<int64_t>(count));
  }
  std::string Line() {
    const auto begin = bytes_.begin() + static_cast<int64_t>(position_);
    const auto end = std::find(begin, bytes_.end(), '\n');
    if (end == bytes_.end()) {
      failed_ = true;
      return "";
    }
    position_ += static_cast<size_t>(end - begin) + 1;
    return std::string(begin, end);
  }
  int64_t Decimal(std::string text) {
    if (!text.empty() && text.back() == 'L') text.pop_back();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) failed_ = true;
    return value;
  }
  // 'text' or "text" as Python's repr wrote it.
  std::string Quoted(const std::string& line) {
    if (line.size() < 2 || line.front() != line.back() ||
        (line.front() != '\'' && line.front() != '"')) {
      failed_ = true;
      return "";
    }
    return Unescape(line.substr(1, line.size() - 2));
  }
  std::string Unescape(const std::string& text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        result += text[i];
        continue;
      }
      const char next = text[++i];
      if (next == 'x' && i + 2 < text.size()) {
        unsigned value = 0;
        const auto [end, error] =
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
        if (error != std::errc() || end != text.data() + i + 3) failed_ = true;
        result += static_cast<char>(value);
        i += 2;
      } else {
        result += next == 'n' ? '\n' : next == 't' ? '\t' : next == 'r' ? '\r' : next;
      }
    }
    return result;
  }

  // The stack.
  void Push(Node node) {
    if (pickle_.nodes_.size() >= std::numeric_limits<uint32_t>::max()) {
      failed_ = true;
      return;
    }
    pickle_.nodes_.push_back(std::move(node));
    stack_.push_back(static_cast<uint32_t>(pickle_.nodes_.size() - 1));
  }
  void PushNumber(Kind kind, int64_t number) { Push({kind, number, "", {}}); }
  void PushText(std::string text, Kind kind = Kind::kText) { Push({kind, 0, std::move(text), {}}); }
  uint32_t Pop() {
    if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) {
      failed_ = true;
      return 0;
    }
    const uint32_t top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::vector<uint32_t> PopToMark() {
    if (marks_.empty()) {
      failed_ = true;
      return {};
    }
    const auto begin = stack_.begin() + static_cast<int64_t>(marks_.back());
    marks_.pop_back();
    std::vector<uint32_t> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    return items;
  }
  void Extend(Kind kind, const std::vector<uint32_t>& items) {
    if (failed_ || stack_.empty() || pickle_.nodes_[stack_.back()].kind != kind ||
        (kind == Kind::kDict && items.size() % 2 != 0)) {
      failed_ = true;
      return;
    }
    std::vector<uint32_t>& children = pickle_.nodes_[stack_.back()].children;
    children.insert(children.end(), items.begin(), items.end());
  }
  void PushTuple(size_t count) {
    std::vector<uint32_t> items(count);
    for (size_t i = count; i > 0; --i) items[i - 1] = Pop();
    if (!failed_) Push({Kind::kTuple, 0, "", std::move(items)});
  }
  void Remember(uint64_t key) {
    if (stack_.empty()) failed_ = true;
    if (!failed_) memo_[key] = stack_.back();
  }
  void Recall(uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) failed_ = true;
    if (!failed_) stack_.push_back(found->second);
  }
  void Call() {
    const uint32_t arguments = Pop();
    const uint32_t callable = Pop();
    if (!failed_) Push({Kind::kCall, 0, "", {callable, arguments}});
  }
  void Build() {
    const uint32_t state = Pop();
    if (failed_ || stack_.empty() || pickle_.nodes_[stack_.back()].kind != Kind::kCall) {
      failed_ = true;
      return;
    }
    pickle_.nodes_[stack_.back()].children.resize(2);
    pickle_.nodes_[stack_.back()].children.push_back(state);
  }
  void StackGlobal() {
    const uint32_t name = Pop();
    const uint32_t module = Pop();
    if (!failed_)
      PushText(pickle_.nodes_[module].text + " " + pickle_.nodes_[name].text, Kind::kGlobal);
  }
  void PushLong(uint64_t count) {
    if (count > 8) failed_ = true;
    const uint64_t raw = failed_ ? 0 : Little(static_cast<size_t>(count));
    const bool negative = count > 0 && count < 8 && (raw >> (8 * count - 1) & 1) != 0;
    PushNumber(Kind::kInt,
               static_cast<int64_t>(negative ? raw | ~uint64_t{0} << (8 * count) : raw));
  }

  Status Step(char opcode) {
    switch (opcode) {
      case '\x80': Little(1); break;                     // PROTO
      case '\x95': Little(8); break;                     // FRAME
      case '.': stopped_ = true; break;                  // STOP
      case '(': marks_.push_back(stack_.size()); break;  // MARK
      case '0': Pop(); break;                            // POP
      case '1': PopToMark(); break;                      // POP_MARK
      case 'p': Remember(static_cast<uint64_t>(Decimal(Line()))); break;
      case 'q': Remember(Little(1)); break;
      case 'r': Remember(Little(4)); break;
      case '\x94': Remember(memo_.size()); break;  // MEMOIZE
      case 'g': Recall(static_cast<uint64_t>(Decimal(Line()))); break;
      case 'h': Recall(Little(1)); break;
      case 'j': Recall(Little(4)); break;
      case 'R': Call(); break;   // REDUCE
      case 'b': Build(); break;  // BUILD
      case '\x93': StackGlobal(); break;
      case 'c': {  // GLOBAL
        const std::string module = Line();
        PushText(module + " " + Line(), Kind::kGlobal);
        break;
      }
      default: return failed_ ? OkStatus() : StepValue(opcode);
    }
    return OkStatus();
  }

  Status StepValue(char opcode) {
    switch (opcode) {
      case 'N': Push({}); break;
      case '\x88': PushNumber(Kind::kBool, 1); break;
      case '\x89': PushNumber(Kind::kBool, 0); break;
      case 'I': PushNumber(Kind::kInt, Decimal(Line())); break;
      case 'L': PushNumber(Kind::kInt, Decimal(Line())); break;
      case 'K': PushNumber(Kind::kInt, static_cast<int64_t>(Little(1))); break;
      case 'M': PushNumber(Kind::kInt, static_cast<int64_t>(Little(2))); break;
      case 'J': PushNumber(Kind::kInt, static_cast<int32_t>(Little(4))); break;
      case '\x8a': PushLong(Little(1)); break;  // LONG1
      case 'F':
        Line();
        Push({Kind::kFloat, 0, "", {}});
        break;
      case 'G':
        Little(8);
        Push({Kind::kFloat, 0, "", {}});
        break;
      case 'S': PushText(Quoted(Line())); break;    // STRING
      case 'V': PushText(Unescape(Line())); break;  // UNICODE
      case 'U':
      case 'C':
      case '\x8c': PushText(Text(Little(1))); break;
      case 'T':
      case 'B':
      case 'X': PushText(Text(Little(4))); break;
      case '\x8e': PushText(Text(Little(8))); break;  // BINBYTES8
      case ']': Push({Kind::kList, 0, "", {}}); break;
      case '}': Push({Kind::kDict, 0, "", {}}); break;
      case ')': Push({Kind::kTuple, 0, "", {}}); break;
      case 'l': Push({Kind::kList, 0, "", PopToMark()}); break;
      case 't': Push({Kind::kTuple, 0, "", PopToMark()}); break;
      case 'd': {  // DICT
        std::vector<uint32_t> entries = PopToMark();
        failed_ = failed_ || entries.size() % 2 != 0;
        Push({Kind::kDict, 0, "", std::move(entries)});
        break;
      }
      case '\x85': PushTuple(1); break;
      case '\x86': PushTuple(2); break;
      case '\x87': PushTuple(3); break;
      case 'a': {
        const uint32_t item = Pop();
        Extend(Kind::kList, {item});
        break;
      }
      case 'e': Extend(Kind::kList, PopToMark()); break;
      case 's': {
        const uint32_t value = Pop();
        const uint32_t key = Pop();
        Extend(Kind::kDict, {key, value});
        break;
      }
      case 'u': Extend(Kind::kDict, PopToMark()); break;
      default:
        return Fail(fmt::format(
            "opcode 0x{:02x} is not among those of data batches, and nothing is executed",
            static_cast<unsigned char>(opcode)));
    }
    return OkStatus();
  }

  const Bytes& bytes_;
  const std::string& name_;
  size_t position_ = 0;
  bool failed_ = false;
  bool stopped_ = false;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, uint32_t> memo_;
  Pickle pickle_;
};

Result<Pickle> Pickle::Parse(const Bytes& bytes, const std::string& name) {
  return PickleMachine(bytes, name).Run();
}

}  // namespace bluestem::data
