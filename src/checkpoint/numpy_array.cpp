#include "checkpoint/numpy_array.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "checkpoint/pickle_text.hpp"

// An array is `_reconstruct(ndarray, (0,), b"b")` with the state (version, shape, dtype,
// is_fortran, bytes). A dtype is `dtype("u1", False, True)` with a state whose second item is its
// byte order. Protocol 2, which PyTorch writes, has no bytes: there they are a call of
// `_codecs.encode` on text with one character per byte.
namespace sapiens {
namespace {

constexpr std::size_t kMaxAxes = 4;
// The text has up to two bytes of UTF-8 for every byte of the widest type.
constexpr std::size_t kMaxArrayText = 2 * 8 * kMaxNumpyValues;

using DecodeOne = double (*)(const char*);

template <class T>
double decode_one(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<double>(value);
}

struct NumpyType {
  std::string_view name;
  std::size_t size;
  DecodeOne decode;
};

constexpr NumpyType kNumpyTypes[] = {
    {"u1", 1, decode_one<std::uint8_t>},  {"i1", 1, decode_one<std::int8_t>},
    {"u2", 2, decode_one<std::uint16_t>}, {"i2", 2, decode_one<std::int16_t>},
    {"u4", 4, decode_one<std::uint32_t>}, {"i4", 4, decode_one<std::int32_t>},
    {"u8", 8, decode_one<std::uint64_t>}, {"i8", 8, decode_one<std::int64_t>},
    {"f4", 4, decode_one<float>},         {"f8", 8, decode_one<double>},
};

class NumpyReader {
 public:
  explicit NumpyReader(const PickleGraph& graph) : graph_(graph) {}

  std::optional<NumpyArray> read(NodeId node) const {
    if (!is_call(node, "numpy.core.multiarray", "_reconstruct") &&
        !is_call(node, "numpy._core.multiarray", "_reconstruct")) {
      return std::nullopt;
    }
    const auto state = tuple(graph_[node].state);
    if (state.size() != 5) return std::nullopt;
    const PickleNode& is_fortran = graph_[state[3]];
    if (is_fortran.kind != PickleKind::Bool || is_fortran.integer != 0) return std::nullopt;
    const auto shape = read_shape(state[1]);
    const NumpyType* const type = read_type(state[2]);
    if (!shape || !type) return std::nullopt;
    const auto bytes = read_bytes(state[4]);
    if (!bytes) return std::nullopt;
    return decode(*shape, *type, *bytes);
  }

 private:
  bool is_call(NodeId node, std::string_view module, std::string_view name) const {
    return node != kNoNode && graph_[node].kind == PickleKind::Object &&
           graph_.is_global(graph_[node].callable, module, name);
  }

  std::span<const NodeId> tuple(NodeId node) const {
    if (node == kNoNode || graph_[node].kind != PickleKind::Tuple) return {};
    return graph_.items(node);
  }

  std::optional<std::vector<Index>> read_shape(NodeId node) const {
    const auto extents = tuple(node);
    if (extents.empty() || extents.size() > kMaxAxes) return std::nullopt;
    std::vector<Index> shape;
    auto room = static_cast<Index>(kMaxNumpyValues);
    for (const NodeId extent : extents) {
      const PickleNode& number = graph_[extent];
      if (number.kind != PickleKind::Int || number.integer < 1 || number.integer > room) {
        return std::nullopt;
      }
      room /= number.integer;
      shape.push_back(number.integer);
    }
    return shape;
  }

  const NumpyType* read_type(NodeId node) const {
    if (!is_call(node, "numpy", "dtype")) return nullptr;
    const auto arguments = tuple(graph_[node].args);
    const auto state = tuple(graph_[node].state);
    if (arguments.empty() || state.size() < 2) return nullptr;
    if (graph_[state[1]].text != "<" && graph_[state[1]].text != "|") return nullptr;
    const auto type = std::ranges::find(kNumpyTypes, graph_[arguments[0]].text, &NumpyType::name);
    return type == std::end(kNumpyTypes) ? nullptr : type;
  }

  std::optional<std::string> read_bytes(NodeId node) const {
    const PickleNode& value = graph_[node];
    if (value.kind == PickleKind::Bytes) return std::string(value.text.substr(0, kMaxArrayText));
    if (!is_call(node, "_codecs", "encode")) return std::nullopt;
    const auto arguments = tuple(value.args);
    if (arguments.size() != 2 || graph_[arguments[1]].text != "latin1") return std::nullopt;
    const std::string_view text = graph_[arguments[0]].text;
    return text.size() <= kMaxArrayText ? latin1_bytes(text) : std::nullopt;
  }

  static std::optional<NumpyArray> decode(const std::vector<Index>& shape, const NumpyType& type,
                                          std::string_view bytes) {
    std::size_t count = 1;
    for (const Index extent : shape) count *= static_cast<std::size_t>(extent);
    if (bytes.size() != count * type.size) return std::nullopt;
    NumpyArray array{.shape = shape, .values = {}};
    for (std::size_t i = 0; i < count; ++i) {
      array.values.push_back(type.decode(bytes.data() + i * type.size));
    }
    return array;
  }

  const PickleGraph& graph_;
};

}  // namespace

std::optional<NumpyArray> read_numpy_array(const PickleGraph& graph, NodeId node) {
  return NumpyReader(graph).read(node);
}

}  // namespace sapiens
