#include "checkpoint/pickle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "checkpoint/pickle_text.hpp"
#include "core/parse_number.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::uint8_t kNewestProtocol = 5;

/// A stack machine that builds the same data as Python's unpickler without side effects: REDUCE and
/// similar instructions record the call instead of making it.
class PickleMachine {
 public:
  explicit PickleMachine(ByteReader& reader) : reader_(reader) {
    none_ = graph_.add({.kind = PickleKind::None});
    false_ = graph_.add({.kind = PickleKind::Bool, .integer = 0});
    true_ = graph_.add({.kind = PickleKind::Bool, .integer = 1});
    empty_tuple_ = graph_.add({.kind = PickleKind::Tuple});
  }

  PickleGraph run() {
    for (;;) {
      const auto opcode = static_cast<Opcode>(reader_.u8());
      if (opcode == Opcode::Stop) break;
      execute(opcode);
    }
    graph_.root = pop();
    return std::move(graph_);
  }

 private:
  void execute(Opcode opcode);

  [[noreturn]] void fail(const std::string& summary) const {
    throw Error(ErrorCode::CorruptFile,
                {.summary = summary,
                 .file = reader_.source(),
                 .actual = fmt::format("at byte {} of the pickle stream", reader_.position())});
  }

  NodeId add(PickleNode node) {
    if (graph_.size() >= kMaxPickleValues) fail("the pickle holds more values than any checkpoint");
    return graph_.add(node);
  }
  void push(NodeId id) { stack_.push_back(id); }
  void push(const PickleNode& node) { push(add(node)); }
  void push_text(std::string_view text) {
    push({.kind = PickleKind::Text, .text = graph_.keep(text)});
  }
  void push_bytes(std::string_view text) { push({.kind = PickleKind::Bytes, .text = text}); }
  void push_int(std::int64_t value) { push({.kind = PickleKind::Int, .integer = value}); }
  void push_long(std::string_view bytes) {
    if (bytes.size() <= sizeof(std::int64_t)) return push_int(decode_pickle_long(bytes));
    push({.kind = PickleKind::BigInt, .text = graph_.keep(bytes)});
  }
  void push_float(double value) {
    push({.kind = PickleKind::Float, .integer = std::bit_cast<std::int64_t>(value)});
  }
  void push_global(std::string_view module, std::string_view name) {
    push({.kind = PickleKind::Global, .text = module, .name = name});
  }
  void push_object(NodeId callable, NodeId args) {
    push({.kind = PickleKind::Object, .callable = callable, .args = args});
  }
  void push_container(PickleKind kind, std::span<const NodeId> items) {
    if (kind == PickleKind::Tuple && items.empty()) return push(empty_tuple_);
    const NodeId id = add({.kind = kind});
    if (!items.empty()) graph_.edit_items(id).assign(items.begin(), items.end());
    push(id);
  }

  /// Values above the last mark belong to the instruction that will consume the mark.
  std::size_t floor() const noexcept { return marks_.empty() ? 0 : marks_.back(); }
  NodeId pop() {
    if (stack_.size() <= floor()) fail("the pickle takes a value that is not there");
    const NodeId id = stack_.back();
    stack_.pop_back();
    return id;
  }
  NodeId top() const {
    if (stack_.size() <= floor()) fail("the pickle takes a value that is not there");
    return stack_.back();
  }
  std::vector<NodeId> pop_to_mark() {
    if (marks_.empty()) fail("the pickle closes a group that was never opened");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<NodeId> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::size_t count) {
    std::vector<NodeId> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_container(PickleKind::Tuple, items);
  }

  void append(std::span<const NodeId> items) {
    const PickleKind kind = graph_[top()].kind;
    if (kind != PickleKind::List && kind != PickleKind::Set && kind != PickleKind::Object) {
      fail("the pickle appends to something that is no list");
    }
    if (items.empty()) return;
    auto& list =
        kind == PickleKind::Object ? graph_.edit_appended(top()) : graph_.edit_items(top());
    list.insert(list.end(), items.begin(), items.end());
  }
  void set_items(std::span<const NodeId> pairs) {
    const PickleKind kind = graph_[top()].kind;
    if (kind != PickleKind::Dict && kind != PickleKind::Object) {
      fail("the pickle sets items of something that is no dictionary");
    }
    if (pairs.size() % 2 != 0) fail("the pickle has a key without a value");
    if (pairs.empty()) return;
    auto& items = graph_.edit_items(top());
    items.insert(items.end(), pairs.begin(), pairs.end());
  }
  void add_state(NodeId object, NodeId state) {
    if (const NodeId before = graph_[object].state; before != kNoNode) {
      const NodeId states[] = {before, state};
      push_container(PickleKind::Tuple, states);
      state = pop();
    }
    graph_.edit(object).state = state;
  }

  std::string quoted_line();
  std::int64_t memo_line();
  void remember(std::uint64_t slot) { memo_[slot] = top(); }
  void recall(std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail(fmt::format("the pickle recalls value {}, never stored", slot));
    push(found->second);
  }

  ByteReader& reader_;
  PickleGraph graph_;
  std::vector<NodeId> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, NodeId> memo_;
  NodeId none_, false_, true_, empty_tuple_;
};

// One flat switch: each instruction is found by its name and depends on no other case.
void PickleMachine::execute(Opcode opcode) {
  switch (opcode) {
    case Opcode::Proto:
      if (const std::uint8_t protocol = reader_.u8(); protocol > kNewestProtocol) {
        fail(fmt::format("pickle protocol {} is unknown", protocol));
      }
      return;
    case Opcode::Frame:
      reader_.u64();  // a hint for buffered readers
      return;
    case Opcode::Mark:
      return marks_.push_back(stack_.size());
    case Opcode::Pop:
      // Python pops the mark itself when nothing lies above it.
      if (!marks_.empty() && stack_.size() == marks_.back()) return marks_.pop_back();
      pop();
      return;
    case Opcode::PopMark:
      pop_to_mark();
      return;
    case Opcode::Dup:
      return push(top());
    case Opcode::None:
      return push(none_);
    case Opcode::NewTrue:
      return push(true_);
    case Opcode::NewFalse:
      return push(false_);

    // Numbers.
    case Opcode::BinInt:
      return push_int(static_cast<std::int32_t>(reader_.u32()));
    case Opcode::BinInt1:
      return push_int(reader_.u8());
    case Opcode::BinInt2:
      return push_int(reader_.u16());
    case Opcode::Long1:
      return push_long(reader_.text(reader_.u8()));
    case Opcode::Long4: {
      const auto length = static_cast<std::int32_t>(reader_.u32());
      if (length < 0) fail("the pickle has an integer of negative length");
      return push_long(reader_.text(static_cast<std::uint64_t>(length)));
    }
    case Opcode::BinFloat: {
      const auto swapped = __builtin_bswap64(reader_.u64());  // the one big-endian number of pickle
      return push_float(std::bit_cast<double>(swapped));
    }
    case Opcode::Int:
    case Opcode::Long: {
      const std::string_view line = reader_.line();
      if (opcode == Opcode::Int && line == "00")
        return push(false_);  // protocol 0 writes bools as integers
      if (opcode == Opcode::Int && line == "01") return push(true_);
      if (const auto value = parse_pickle_int(line)) return push_int(*value);
      return push({.kind = PickleKind::BigInt, .text = graph_.keep(line)});
    }
    case Opcode::Float: {
      const auto value = parse_number<double>(reader_.line());
      if (!value) fail("the pickle has a number that cannot be read");
      return push_float(*value);
    }

    // Text and bytes.
    case Opcode::ShortBinUnicode:
    case Opcode::ShortBinString:
      return push_text(reader_.text(reader_.u8()));
    case Opcode::BinUnicode:
    case Opcode::BinString:
      return push_text(reader_.text(reader_.u32()));
    case Opcode::BinUnicode8:
      return push_text(reader_.text(reader_.u64()));
    case Opcode::ShortBinBytes:
      return push_bytes(reader_.text(reader_.u8()));
    case Opcode::BinBytes:
      return push_bytes(reader_.text(reader_.u32()));
    case Opcode::BinBytes8:
    case Opcode::ByteArray8:
      return push_bytes(reader_.text(reader_.u64()));
    case Opcode::NextBuffer:
      return push_bytes({});  // out-of-band data; torch never writes any
    case Opcode::ReadonlyBuffer:
      return;
    case Opcode::String:
      return push_text(quoted_line());
    case Opcode::Unicode: {
      const std::string_view line = reader_.line();
      const bool plain = line.find('\\') == std::string_view::npos;
      return plain ? push_text(line) : push_text(decode_raw_unicode(line));
    }

    // Containers.
    case Opcode::EmptyTuple:
      return push(empty_tuple_);
    case Opcode::EmptyList:
      return push_container(PickleKind::List, {});
    case Opcode::EmptyDict:
      return push_container(PickleKind::Dict, {});
    case Opcode::EmptySet:
      return push_container(PickleKind::Set, {});
    case Opcode::Tuple:
      return push_container(PickleKind::Tuple, pop_to_mark());
    case Opcode::List:
      return push_container(PickleKind::List, pop_to_mark());
    case Opcode::FrozenSet:
      return push_container(PickleKind::Set, pop_to_mark());
    case Opcode::Dict: {
      const auto pairs = pop_to_mark();
      push_container(PickleKind::Dict, {});
      return set_items(pairs);
    }
    case Opcode::Tuple1:
      return push_tuple(1);
    case Opcode::Tuple2:
      return push_tuple(2);
    case Opcode::Tuple3:
      return push_tuple(3);
    case Opcode::Append: {
      const NodeId item = pop();
      return append({&item, 1});
    }
    case Opcode::Appends:
    case Opcode::AddItems:
      return append(pop_to_mark());
    case Opcode::SetItem: {
      const NodeId value = pop();
      const NodeId pair[] = {pop(), value};
      return set_items(pair);
    }
    case Opcode::SetItems:
      return set_items(pop_to_mark());

    // Classes and objects.
    case Opcode::Global: {
      const std::string_view module = graph_.keep(reader_.line());
      return push_global(module, graph_.keep(reader_.line()));
    }
    case Opcode::StackGlobal: {
      const PickleNode name = graph_[pop()];
      const PickleNode module = graph_[pop()];
      if (name.kind != PickleKind::Text || module.kind != PickleKind::Text) {
        fail("the pickle names a class by something that is no text");
      }
      return push_global(module.text, name.text);
    }
    case Opcode::Inst: {
      const std::string_view module = graph_.keep(reader_.line());
      const std::string_view name = graph_.keep(reader_.line());
      push_container(PickleKind::Tuple, pop_to_mark());
      const NodeId args = pop();
      push_global(module, name);
      return push_object(pop(), args);
    }
    case Opcode::Obj: {
      std::vector<NodeId> parts = pop_to_mark();
      if (parts.empty()) fail("the pickle builds an object without a class");
      push_container(PickleKind::Tuple, std::span(parts).subspan(1));
      const NodeId args = pop();
      return push_object(parts[0], args);
    }
    case Opcode::NewObjEx: {
      const NodeId keywords = pop();
      const NodeId args = pop();
      push_object(pop(), args);
      if (!graph_.items(keywords).empty()) add_state(top(), keywords);
      return;
    }
    case Opcode::Reduce:
    case Opcode::NewObj: {
      const NodeId args = pop();
      return push_object(pop(), args);
    }
    case Opcode::Build: {
      const NodeId state = pop();
      return add_state(top(), state);
    }
    case Opcode::PersId:
      push_text(reader_.line());
      return push({.kind = PickleKind::Persistent, .args = pop()});
    case Opcode::BinPersId:
      return push({.kind = PickleKind::Persistent, .args = pop()});
    case Opcode::Ext1:
    case Opcode::Ext2:
    case Opcode::Ext4:
      // A class registered in copyreg's extension table; only the program that wrote the file knows
      // which.
      reader_.bytes(opcode == Opcode::Ext1 ? 1 : opcode == Opcode::Ext2 ? 2 : 4);
      return push_global("copyreg", "extension");

    // The memo.
    case Opcode::Put:
      return remember(static_cast<std::uint64_t>(memo_line()));
    case Opcode::BinPut:
      return remember(reader_.u8());
    case Opcode::LongBinPut:
      return remember(reader_.u32());
    case Opcode::Memoize:
      return remember(memo_.size());
    case Opcode::Get:
      return recall(static_cast<std::uint64_t>(memo_line()));
    case Opcode::BinGet:
      return recall(reader_.u8());
    case Opcode::LongBinGet:
      return recall(reader_.u32());
    default:
      fail(fmt::format("unknown pickle instruction 0x{:02x}", static_cast<unsigned>(opcode)));
  }
}

std::string PickleMachine::quoted_line() {
  auto text = unquote_python(reader_.line());
  if (!text) fail("the pickle has a string without its quotes");
  return std::move(*text);
}

std::int64_t PickleMachine::memo_line() {
  const auto slot = parse_pickle_int(reader_.line());
  if (!slot || *slot < 0) fail("the pickle has a memo number that cannot be read");
  return *slot;
}

}  // namespace

std::span<const NodeId> PickleGraph::items(NodeId id) const noexcept {
  const std::uint32_t list = nodes_[id].list;
  if (list == ~std::uint32_t{0}) return {};
  return lists_[list];
}

std::span<const NodeId> PickleGraph::appended(NodeId id) const noexcept {
  const std::uint32_t list = nodes_[id].appended;
  if (list == ~std::uint32_t{0}) return {};
  return lists_[list];
}

bool PickleGraph::is_global(NodeId id, std::string_view module,
                            std::string_view name) const noexcept {
  if (id == kNoNode) return false;
  const PickleNode& node = nodes_[id];
  return node.kind == PickleKind::Global && node.text == module && node.name == name;
}

NodeId PickleGraph::add(PickleNode node) {
  nodes_.push_back(node);
  return static_cast<NodeId>(nodes_.size() - 1);
}

std::vector<NodeId>& PickleGraph::edit_items(NodeId id) { return edit_list(nodes_[id].list); }

std::vector<NodeId>& PickleGraph::edit_appended(NodeId id) {
  return edit_list(nodes_[id].appended);
}

std::vector<NodeId>& PickleGraph::edit_list(std::uint32_t& index) {
  if (index == ~std::uint32_t{0}) {
    index = static_cast<std::uint32_t>(lists_.size());
    lists_.emplace_back();
  }
  return lists_[index];
}

std::string_view PickleGraph::keep(std::string_view text) {
  if (text.empty()) return {};
  char* const copy = static_cast<char*>(kept_->allocate(text.size(), 1));
  std::ranges::copy(text, copy);
  return {copy, text.size()};
}

PickleGraph read_pickle(ByteReader& reader) { return PickleMachine(reader).run(); }

}  // namespace sapiens
