#include <fmt/format.h>

#include <memory>
#include <unordered_set>
#include <utility>

#include "checkpoint/graph_tensors.hpp"
#include "checkpoint/numpy_array.hpp"
#include "checkpoint/object_parts.hpp"
#include "checkpoint/pickle_text.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// The limits are far above real files (a training checkpoint of the largest model visits about
// 20000 values) and low enough that a small file made to exhaust time or memory is refused within a
// second and about 130 MB. They count visits, so a valid file may hold any number of plain values.
constexpr std::size_t kMaxVisits = std::size_t{1} << 18;
constexpr std::size_t kMaxText = std::size_t{1} << 26;
constexpr std::size_t kMaxLevels = 64;

std::string join(std::string_view left, std::string_view right) {
  if (left.empty()) return std::string(right);
  if (right.empty()) return std::string(left);
  return fmt::format("{}.{}", left, right);
}

class Flattener {
 public:
  Flattener(const PickleGraph& graph, const TensorBuilder& builder, const std::string& source,
            StateDict& out)
      : graph_(graph),
        builder_(builder),
        tensors_(graph, builder),
        objects_(graph, tensors_),
        source_(source),
        out_(out),
        open_(graph.size()),
        visits_left_(kMaxVisits + 2 * graph.size()) {}

  void run() {
    visit(graph_.root, {}, "tensor", true);
    while (!levels_.empty()) step();
    refuse_duplicates();
    note_unread_tensors();
  }

 private:
  void step();
  void step_pair();
  void visit(NodeId node, const Level& parent, std::string_view key, bool root = false);
  void visit_object(NodeId node, const Level& parent, std::string_view key, bool root);
  bool visit_module(NodeId node, const Level& parent, std::string_view key, bool root);
  bool visit_pickled_module(NodeId state, const Level& level);
  void visit_parts(NodeId node, const Level& parent, std::string_view key, bool root);
  void enter(NodeId node, const Level& parent, std::string_view key, bool root);
  void read_attributes(NodeId object);
  bool hide(const Level& level, std::string_view key, NodeId value);
  bool add_tensor(NodeId node, const Level& parent, std::string_view key);
  bool note_array(NodeId node, const Level& parent, std::string_view key);
  void note(const Level& parent, std::string_view key, std::string value);
  void note_opaque(const Level& parent, std::string_view key, std::string_view what);
  bool push(Level level);
  void close_level();
  void charge(std::size_t visits, std::size_t text);
  void refuse_repeated_key(const Level& level) const;
  void refuse_duplicates() const;
  void note_unread_tensors();
  void note_missing_tensors();

  const PickleGraph& graph_;
  const TensorBuilder& builder_;
  GraphTensors tensors_;
  ObjectLevels objects_;
  const std::string& source_;
  StateDict& out_;
  std::vector<Level> levels_;
  // The values on the path from the root to this one; a value that is already here closes a cycle.
  std::vector<bool> open_;
  std::size_t visits_left_;
  std::size_t text_ = 0;
  std::size_t byte_keys_ = 0;
  std::size_t non_persistent_ = 0;
  // True once a tensor was found that is an attribute of a module.
  bool in_modules_ = false;
  bool too_deep_ = false;
};

void Flattener::step() {
  Level& level = levels_.back();
  if (level.next + (level.pairs ? 1 : 0) >= level.items.size()) return close_level();
  if (level.pairs) return step_pair();
  const std::size_t index = level.next++;
  const NodeId value = level.items[index];
  const Level parent = level;  // A copy, because `visit` may reallocate the stack.
  visit(value, parent, std::to_string(index));
}

void Flattener::step_pair() {
  Level& level = levels_.back();
  const std::size_t ordinal = level.next / 2;
  const NodeId value = level.items[level.next + 1];
  auto key = read_key(graph_, level.items[level.next]);
  level.next += 2;
  const Level parent = level;
  if (!key) key = PickleKey{.text = std::to_string(ordinal)};
  if (key->from_bytes) ++byte_keys_;
  if (hide(parent, key->text, value)) return;
  visit(value, parent, key->text);
}

bool Flattener::hide(const Level& level, std::string_view key, NodeId value) {
  if (!level.hidden) return false;
  const auto known = level.hidden->find(key);
  if (known == level.hidden->end()) return false;
  if (known->second == kNoNode) {
    if (!tensors_.below(value)) return true;
    ++non_persistent_;
    tensors_.take(value);
  } else if (known->second != value) {
    note_opaque(level, key, "an attribute beside an item of the same name");
  }
  return true;
}

void Flattener::visit(NodeId node, const Level& parent, std::string_view key, bool root) {
  charge(1, key.size() + parent.container.size() + parent.prefix.size());
  const PickleNode& value = graph_[node];
  switch (value.kind) {
    case PickleKind::Text:
      charge(0, value.text.size());
      return note(parent, key, std::string(value.text));
    case PickleKind::Int:
    case PickleKind::Float:
    case PickleKind::Bool:
      return note(parent, key, number_text(value));
    case PickleKind::Dict:
    case PickleKind::List:
    case PickleKind::Tuple:
    case PickleKind::Set:
      if (parent.attributes && !tensors_.below(node)) return;
      return enter(node, parent, key, root);
    case PickleKind::Object:
      if (parent.attributes && !tensors_.below(node)) return;
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
  if (visit_module(node, parent, key, root)) return;
  if (note_array(node, parent, key)) return;
  visit_parts(node, parent, key, root);
}

// TorchScript keeps a module's parameters and children as plain attributes; a pickled nn.Module
// sorts them into three dictionaries. Either way the dotted path is the parameter's name.
bool Flattener::visit_module(NodeId node, const Level& parent, std::string_view key, bool root) {
  const PickleNode& object = graph_[node];
  const NodeId state = object.state;
  if (state == kNoNode || graph_[state].kind != PickleKind::Dict) return false;
  constexpr std::size_t kNamesPerVisit = 32;
  charge(graph_.items(state).size() / kNamesPerVisit, 0);
  Level level{.pairs = true,
              .container = parent.container,
              .prefix = root ? std::string() : join(parent.prefix, key),
              .in_module = true};
  const PickleNode& callable = graph_[object.callable];
  const bool script = callable.kind == PickleKind::Global && callable.text.starts_with("__torch__");
  if (!script) return visit_pickled_module(state, level);
  if (open_[state]) return true;
  level.items = graph_.items(state);
  level.opened = state;
  push(std::move(level));
  return true;
}

bool Flattener::visit_pickled_module(NodeId state, const Level& level) {
  if (find_item(graph_, state, "_modules") == kNoNode) return false;
  const auto left_out = non_persistent_buffers(graph_, state);
  charge(left_out.size(), 0);
  const auto hidden = std::make_shared<Hidden>();
  for (const std::string_view name : left_out) hidden->emplace(name, kNoNode);
  for (const std::string_view part : {"_modules", "_buffers", "_parameters"}) {
    const NodeId dict = find_item(graph_, state, part);
    if (dict == kNoNode || open_[dict]) continue;
    Level of_part = level;
    of_part.items = graph_.items(dict);
    of_part.opened = dict;
    if (part == "_buffers" && !hidden->empty()) of_part.hidden = hidden;
    push(std::move(of_part));
  }
  // Attributes outside these three dictionaries are not part of a state_dict.
  const auto items = graph_.items(state);
  for (std::size_t i = 1; i < items.size(); i += 2) {
    const std::string_view name = graph_[items[i - 1]].text;
    if (name == "_modules" || name == "_buffers" || name == "_parameters") continue;
    in_modules_ = in_modules_ || tensors_.below(items[i]);
  }
  return true;
}

// The contents of an object of any other class are read as data, because its class is never run.
void Flattener::visit_parts(NodeId node, const Level& parent, std::string_view key, bool root) {
  const NodeId callable = graph_[node].callable;
  if (parent.in_module) {
    in_modules_ = in_modules_ || tensors_.below(node);
    return note_opaque(parent, key, class_name(graph_, callable));
  }
  if (open_[node]) return;
  if (is_dict_class(graph_, callable)) read_attributes(node);
  const Level place{.container = root ? std::string() : join(parent.container, key)};
  charge(objects_.cost(node), 0);
  std::vector<Level> parts = objects_.of(node, place);
  if (parts.empty()) {
    if (!is_dict_class(graph_, callable)) {
      note_opaque(parent, root ? "" : key, class_name(graph_, callable));
    }
    return;
  }
  // The level that is pushed first is finished last, so it closes the object.
  parts.front().opened = node;
  for (Level& part : parts) {
    if (!push(std::move(part))) return;
  }
}

void Flattener::enter(NodeId node, const Level& parent, std::string_view key, bool root) {
  // attributes of a module that are lists or dictionaries hold no parameters
  if (parent.in_module) {
    in_modules_ = in_modules_ || tensors_.below(node);
    return;
  }
  if (open_[node]) return;
  push({.items = graph_.items(node),
        .pairs = graph_[node].kind == PickleKind::Dict,
        .opened = node,
        .container = root ? std::string() : join(parent.container, key)});
}

void Flattener::read_attributes(NodeId object) {
  const NodeId notes = find_item(graph_, graph_[object].state, kAttributesName);
  if (notes == kNoNode) return;
  const auto items = graph_.items(notes);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleNode& key = graph_[items[i]];
    const PickleNode& value = graph_[items[i + 1]];
    charge(1, key.text.size() + value.text.size());
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
  tensors_.take(node);
  return true;
}

// Element [i, j] of a NumPy array is recorded like that of a list of lists: "colours.i.j".
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
    charge(1, place.size() + parent.container.size());
    note(parent, place, fmt::format("{}", array->values[i]));
  }
  return true;
}

void Flattener::note(const Level& parent, std::string_view key, std::string value) {
  if (parent.in_module) return;
  out_.metadata.insert_or_assign(join(parent.container, key), std::move(value));
}

void Flattener::note_opaque(const Level& parent, std::string_view key, std::string_view what) {
  charge(0, what.size());
  out_.opaque.push_back(
      fmt::format("{}: {}", join(parent.container, join(parent.prefix, key)), what));
}

bool Flattener::push(Level level) {
  if (levels_.size() >= kMaxLevels) {
    too_deep_ = true;
    out_.opaque.push_back(fmt::format("{}: nested deeper than {} levels",
                                      join(level.container, level.prefix), kMaxLevels));
    return false;
  }
  if (level.pairs) refuse_repeated_key(level);
  if (level.opened != kNoNode) open_[level.opened] = true;
  levels_.push_back(std::move(level));
  return true;
}

void Flattener::close_level() {
  if (const NodeId opened = levels_.back().opened; opened != kNoNode) open_[opened] = false;
  levels_.pop_back();
}

void Flattener::charge(std::size_t visits, std::size_t text) {
  text_ += text;
  if (visits <= visits_left_ && text_ <= kMaxText) {
    visits_left_ -= visits;
    return;
  }
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the pickle refers to the same values too often",
               .file = source_,
               .actual = fmt::format("more than {} values", kMaxVisits),
               .hint = "no training program writes such a file; do not trust it"});
}

// In Python the last value of a key replaces the earlier ones. No writer makes such a dictionary.
void Flattener::refuse_repeated_key(const Level& level) const {
  const auto key = tensors_.repeated_key(level.items);
  if (!key) return;
  throw Error(ErrorCode::CorruptFile,
              {.summary = "a dictionary holds a key twice",
               .file = source_,
               .key = join(level.container, join(level.prefix, *key)),
               .hint = "readers differ in which value they take; do not trust the file"});
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

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void Flattener::note_unread_tensors() {
  if (byte_keys_ > 0) {
    out_.notes.push_back(
        fmt::format("{} stored as bytes, read as text", counted(byte_keys_, "name")));
  }
  if (non_persistent_ > 0) {
    out_.notes.push_back(fmt::format("{} left out, as a state_dict leaves them out",
                                     counted(non_persistent_, "non-persistent buffer")));
  }
  if (const std::size_t left = tensors_.count_left(); left > 0) {
    out_.unreached.push_back(
        {.what = fmt::format("{} {}", counted(left, "tensor"),
                             in_modules_ ? "in attributes of modules, which no state_dict has"
                             : too_deep_ ? fmt::format("nested deeper than {} levels", kMaxLevels)
                                         : std::string("in a place that gives them no name")),
         .hint = "save the model's state_dict() with torch.save"});
  }
  if (out_.tensors.empty() && out_.unreached.empty()) note_missing_tensors();
}

void Flattener::note_missing_tensors() {
  if (const std::size_t arrays = tensors_.count_arrays(); arrays > 0) {
    out_.unreached.push_back(
        {.what = fmt::format("{} (not read as tensors)", counted(arrays, "NumPy array")),
         .hint = "save tensors: {key: torch.from_numpy(array)} for every array"});
  }
  if (const std::size_t storages = tensors_.count_storages(); storages > 0) {
    out_.unreached.push_back(
        {.what = fmt::format("{} without the shape of a tensor", counted(storages, "storage")),
         .hint = "save the model's state_dict() with torch.save"});
  }
}

}  // namespace

void flatten(const PickleGraph& graph, const TensorBuilder& builder, const std::string& source,
             StateDict& out) {
  Flattener(graph, builder, source, out).run();
}

}  // namespace sapiens
