#include "checkpoint/flatten.hpp"

#include <fmt/format.h>

#include <unordered_set>
#include <utility>

#include "checkpoint/numpy_array.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// Far above real files (a training checkpoint of the largest model visits some 20000 values),
// low enough that a bomb is over in a second.
constexpr std::size_t kMostVisits = std::size_t{1} << 20;
constexpr std::size_t kMaxFlatText = std::size_t{1} << 28;
constexpr std::size_t kDeepest = 64;

std::string join(std::string_view left, std::string_view right) {
  if (left.empty()) return std::string(right);
  if (right.empty()) return std::string(left);
  return fmt::format("{}.{}", left, right);
}

/// A dictionary, list or module whose items are still to be looked at.
struct Level {
  NodeId node = kNoNode;
  std::size_t next = 0;
  std::string container = {};
  std::string prefix = {};  ///< Names of the modules around, part of every key below.
  bool in_module = false;
};

class Flattener {
 public:
  Flattener(const PickleGraph& graph, const TensorBuilder& builder, const std::string& source,
            StateDict& out)
      : graph_(graph), builder_(builder), source_(source), out_(out) {}

  void run() {
    visit(graph_.root, {}, "tensor", true);
    while (!levels_.empty()) step();
    refuse_duplicates();
  }

 private:
  void step();
  void step_pair(Level& level, std::span<const NodeId> items);
  void visit(NodeId node, const Level& parent, std::string_view key, bool root = false);
  void visit_object(NodeId node, const Level& parent, std::string_view key, bool root);
  bool visit_module(NodeId node, const Level& parent, std::string_view key, bool root);
  void enter(NodeId node, const Level& parent, std::string_view key, bool root);
  void read_attributes(NodeId node);
  bool add_tensor(NodeId node, const Level& parent, std::string_view key);
  bool note_array(NodeId node, const Level& parent, std::string_view key);
  void note(const Level& parent, std::string_view key, std::string value);
  void note_opaque(const Level& parent, std::string_view key, std::string_view what);
  void push(Level level);
  void charge(std::size_t text);
  void refuse_duplicates() const;

  NodeId find(NodeId dict, std::string_view key) const;
  bool is_dict_class(NodeId callable) const;
  std::string class_name(NodeId callable) const;

  const PickleGraph& graph_;
  const TensorBuilder& builder_;
  const std::string& source_;
  StateDict& out_;
  std::vector<Level> levels_;
  std::size_t visits_ = 0;
  std::size_t text_ = 0;
};

std::string number_text(const PickleNode& node) {
  if (node.kind == PickleKind::Float) return fmt::format("{}", node.real());
  if (node.kind == PickleKind::Bool) return node.integer != 0 ? "true" : "false";
  return fmt::format("{}", node.integer);
}

void Flattener::step() {
  Level& level = levels_.back();
  const auto items = graph_.items(level.node);
  if (level.next >= items.size()) return levels_.pop_back();
  const PickleKind kind = graph_[level.node].kind;
  if (kind == PickleKind::Dict || kind == PickleKind::Object) return step_pair(level, items);
  const std::size_t index = level.next++;
  const Level parent = level;  // `visit` may move the stack
  visit(items[index], parent, std::to_string(index));
}

void Flattener::step_pair(Level& level, std::span<const NodeId> items) {
  if (level.next + 1 >= items.size()) return levels_.pop_back();
  const PickleNode& key = graph_[items[level.next]];
  const NodeId value = items[level.next + 1];
  level.next += 2;
  const Level parent = level;
  if (key.kind == PickleKind::Text) return visit(value, parent, key.text);
  if (key.kind == PickleKind::Int) return visit(value, parent, number_text(key));
  note_opaque(parent, "?", "an entry whose key is neither text nor number");
}

void Flattener::visit(NodeId node, const Level& parent, std::string_view key, bool root) {
  charge(key.size() + parent.container.size() + parent.prefix.size());
  const PickleNode& value = graph_[node];
  switch (value.kind) {
    case PickleKind::Text:
      charge(value.text.size());
      return note(parent, key, std::string(value.text));
    case PickleKind::Int:
    case PickleKind::Float:
    case PickleKind::Bool:
      return note(parent, key, number_text(value));
    case PickleKind::Dict:
    case PickleKind::List:
    case PickleKind::Tuple:
    case PickleKind::Set:
      return enter(node, parent, key, root);
    case PickleKind::Object:
      return visit_object(node, parent, key, root);
    case PickleKind::Persistent:
      return note_opaque(parent, key, "a bare storage");
    case PickleKind::Global:
      return note_opaque(parent, key, fmt::format("{}.{}", value.text, value.name));
    case PickleKind::None:
    case PickleKind::BigInt:
    case PickleKind::Bytes:
      return;
  }
}

void Flattener::visit_object(NodeId node, const Level& parent, std::string_view key, bool root) {
  if (add_tensor(node, parent, key)) return;
  const PickleNode& object = graph_[node];
  if (is_dict_class(object.callable)) {
    read_attributes(object.state);
    return enter(node, parent, key, root);
  }
  if (visit_module(node, parent, key, root)) return;
  if (note_array(node, parent, key)) return;
  note_opaque(parent, key, class_name(object.callable));
}

// TorchScript keeps a module's parameters and children as plain attributes; a pickled nn.Module
// sorts them into three dictionaries. Either way the dotted path is the parameter's name.
bool Flattener::visit_module(NodeId node, const Level& parent, std::string_view key, bool root) {
  const PickleNode& object = graph_[node];
  const NodeId state = object.state;
  if (state == kNoNode || graph_[state].kind != PickleKind::Dict) return false;
  Level level{.node = state,
              .container = parent.container,
              .prefix = root ? std::string() : join(parent.prefix, key),
              .in_module = true};
  const PickleNode& callable = graph_[object.callable];
  if (callable.kind == PickleKind::Global && callable.text.starts_with("__torch__")) {
    push(std::move(level));
    return true;
  }
  if (find(state, "_modules") == kNoNode) return false;
  for (const std::string_view part : {"_modules", "_buffers", "_parameters"}) {
    level.node = find(state, part);
    if (level.node != kNoNode) push(level);
  }
  return true;
}

void Flattener::enter(NodeId node, const Level& parent, std::string_view key, bool root) {
  if (parent.in_module) return;  // attributes that are lists or dictionaries hold no parameters
  push({.node = node, .container = root ? std::string() : join(parent.container, key)});
}

void Flattener::read_attributes(NodeId state) {
  const NodeId notes = find(state, kAttributesName);
  if (notes == kNoNode) return;
  const auto items = graph_.items(notes);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleNode& key = graph_[items[i]];
    const PickleNode& value = graph_[items[i + 1]];
    charge(key.text.size() + value.text.size());
    if (value.kind == PickleKind::Text) {
      out_.metadata.insert_or_assign(std::string(key.text), std::string(value.text));
    }
  }
}

bool Flattener::add_tensor(NodeId node, const Level& parent, std::string_view key) {
  const std::string name = join(parent.prefix, key);
  auto entry = builder_.build(node, join(parent.container, name));
  if (!entry) return false;
  entry->container = parent.container;
  entry->key = name;
  out_.tensors.push_back(std::move(*entry));
  return true;
}

// Element [i, j] of a NumPy array is noted as that of a list of lists would be: "colours.i.j".
bool Flattener::note_array(NodeId node, const Level& parent, std::string_view key) {
  if (parent.in_module) return false;
  const auto array = read_numpy_array(graph_, node);
  if (!array) return false;
  for (std::size_t i = 0; i < array->values.size(); ++i) {
    auto rest = static_cast<Index>(i);
    std::string place;
    for (auto extent = array->shape.rbegin(); extent != array->shape.rend(); ++extent) {
      place = join(std::to_string(rest % *extent), place);
      rest /= *extent;
    }
    place = join(key, place);
    charge(place.size() + parent.container.size());
    note(parent, place, fmt::format("{}", array->values[i]));
  }
  return true;
}

void Flattener::note(const Level& parent, std::string_view key, std::string value) {
  if (parent.in_module) return;
  out_.metadata.insert_or_assign(join(parent.container, key), std::move(value));
}

void Flattener::note_opaque(const Level& parent, std::string_view key, std::string_view what) {
  charge(what.size());
  out_.opaque.push_back(
      fmt::format("{}: {}", join(parent.container, join(parent.prefix, key)), what));
}

void Flattener::push(Level level) {
  if (levels_.size() >= kDeepest) {
    out_.opaque.push_back(fmt::format("{}: nested deeper than {} levels",
                                      join(level.container, level.prefix), kDeepest));
    return;
  }
  levels_.push_back(std::move(level));
}

void Flattener::charge(std::size_t text) {
  ++visits_;
  text_ += text;
  if (visits_ <= kMostVisits && text_ <= kMaxFlatText) return;
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the pickle refers to the same values over and over",
               .file = source_,
               .actual = fmt::format("more than {} values", kMostVisits),
               .hint = "no training program writes such a file; do not trust it"});
}

void Flattener::refuse_duplicates() const {
  std::unordered_set<std::string> seen;
  for (const TensorEntry& entry : out_.tensors) {
    if (seen.insert(entry.path()).second) continue;
    throw Error(
        ErrorCode::CorruptFile,
        {.summary = "two tensors have the same name", .file = source_, .key = entry.path()});
  }
}

NodeId Flattener::find(NodeId dict, std::string_view key) const {
  if (dict == kNoNode) return kNoNode;
  const PickleKind kind = graph_[dict].kind;
  if (kind != PickleKind::Dict && kind != PickleKind::Object) return kNoNode;
  const auto items = graph_.items(dict);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (graph_[items[i]].kind == PickleKind::Text && graph_[items[i]].text == key) {
      return items[i + 1];
    }
  }
  return kNoNode;
}

bool Flattener::is_dict_class(NodeId callable) const {
  return graph_.is_global(callable, "collections", "OrderedDict") ||
         graph_.is_global(callable, "collections", "defaultdict") ||
         graph_.is_global(callable, "builtins", "dict") ||
         graph_.is_global(callable, "__builtin__", "dict");
}

std::string Flattener::class_name(NodeId callable) const {
  const PickleNode& node = graph_[callable];
  if (node.kind != PickleKind::Global) return "an object of a computed class";
  return fmt::format("{}.{}", node.text, node.name);
}

}  // namespace

void flatten(const PickleGraph& graph, const TensorBuilder& builder, const std::string& source,
             StateDict& out) {
  Flattener(graph, builder, source, out).run();
}

}  // namespace sapiens
