#include "onnx/graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <numbers>

#include "core/half.hpp"
#include "core/memory_in_use.hpp"
#include "sapiens/error.hpp"

namespace sapiens::onnx {
namespace {

std::string_view type_name(Type type) noexcept {
  switch (type) {
    case Type::F32:
      return "float32";
    case Type::U8:
      return "uint8";
    case Type::I64:
      return "int64";
    case Type::Bool:
      return "bool";
    case Type::F16:
      return "float16";
    case Type::BF16:
      return "bfloat16";
  }
  return "?";
}

std::vector<RawExtent> raw_shape(const Shape& shape) {
  std::vector<RawExtent> raw;
  for (const Extent& extent : shape) {
    raw.push_back(
        {.size = extent.size, .symbol = extent.is_fixed() ? nullptr : extent.symbol.c_str()});
  }
  return raw;
}

OnnxValue described(const std::string& name, Type type, const Shape& shape) {
  OnnxValue value{.name = name, .type = std::string(type_name(type))};
  for (const Extent& extent : shape) {
    value.shape.push_back(extent.is_fixed() ? std::to_string(extent.size) : extent.symbol);
  }
  return value;
}

std::vector<const char*> texts_of(std::span<const Value> values) {
  std::vector<const char*> texts;
  for (const Value& value : values) texts.push_back(value.c_str());
  return texts;
}

// Refers to `attribute`.
RawAttribute raw_attribute(const Attribute& attribute) {
  using Kind = RawAttribute::Kind;
  RawAttribute raw{.name = attribute.name.c_str()};
  if (const auto* number = std::get_if<Index>(&attribute.value)) {
    raw.kind = Kind::Int;
    raw.number = *number;
  } else if (const auto* numbers = std::get_if<std::vector<Index>>(&attribute.value)) {
    raw.kind = Kind::Ints;
    raw.numbers = {numbers->data(), numbers->size()};
  } else if (const auto* real = std::get_if<float>(&attribute.value)) {
    raw.kind = Kind::Float;
    raw.real = *real;
  } else {
    raw.kind = Kind::String;
    raw.text = std::get<std::string>(attribute.value).c_str();
  }
  return raw;
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

void expect_memory(bool done) {
  if (done) return;
  throw Error(ErrorCode::OutOfResources,
              {.summary = "not enough memory for the graph", .actual = memory_in_use()});
}

Type type_of(DType dtype) noexcept {
  if (dtype == DType::F16) return Type::F16;
  return dtype == DType::BF16 ? Type::BF16 : Type::F32;
}

Graph::Graph(RawModel& raw, const OnnxOptions& options, std::span<const ParamSpec> params)
    : raw_(raw), options_(options) {
  for (const ParamSpec& param : params) shapes_.emplace(param.key, &param.shape);
  expect_memory(raw_.add_opset("", options_.opset));
}

std::string Graph::unique(const std::string& name) {
  const std::size_t uses = names_[name]++;
  return uses == 0 ? name : unique(fmt::format("{}_{}", name, uses));
}

Value Graph::input(const std::string& name, Type type, const Shape& shape) {
  const std::vector<RawExtent> raw = raw_shape(shape);
  expect_memory(raw_.add_input(name.c_str(), type, {raw.data(), raw.size()}));
  inputs_.push_back(described(name, type, shape));
  return unique(name);
}

void Graph::output(const std::string& name, const Value& value, const Shape& shape) {
  if (compute_type() == Type::F32) return output(name, value, Type::F32, shape);
  output(name, cast(name, value, Type::F32), Type::F32, shape);
}

void Graph::output(const std::string& name, const Value& value, Type type, const Shape& shape) {
  const std::vector<RawExtent> raw = raw_shape(shape);
  expect_memory(raw_.add_output(name.c_str(), type, {raw.data(), raw.size()}));
  outputs_.push_back(described(name, type, shape));
  const Value outputs[] = {unique(name)};
  add_node("Identity", outputs[0], {&value, 1}, outputs, {}, "");
}

void Graph::add_node(std::string_view op, const std::string& name, std::span<const Value> inputs,
                     std::span<const Value> outputs, std::span<const Attribute> attributes,
                     std::string_view domain) {
  const std::string op_text(op), domain_text(domain);
  if (!domain.empty() && domains_.insert(domain_text).second) {
    expect_memory(raw_.add_opset(domain_text.c_str(), 1));
  }
  const std::vector<const char*> from = texts_of(inputs), to = texts_of(outputs);
  std::vector<RawAttribute> raw;
  for (const Attribute& attribute : attributes) raw.push_back(raw_attribute(attribute));
  expect_memory(raw_.add_node({.name = name.c_str(),
                               .op = op_text.c_str(),
                               .domain = domain_text.c_str(),
                               .inputs = {from.data(), from.size()},
                               .outputs = {to.data(), to.size()},
                               .attributes = {raw.data(), raw.size()}}));
  ++node_count_;
}

std::vector<Value> Graph::nodes(std::string_view op, const std::string& module, std::size_t outputs,
                                std::vector<Value> inputs, std::vector<Attribute> attributes,
                                std::string_view domain) {
  const std::string name = unique(fmt::format("{}/{}", module, op));
  std::vector<Value> values;
  for (std::size_t i = 0; i < outputs; ++i) {
    values.push_back(outputs == 1 ? name : unique(fmt::format("{}.{}", name, i)));
  }
  add_node(op, name, inputs, values, attributes, domain);
  return values;
}

Value Graph::node(std::string_view op, const std::string& module, std::vector<Value> inputs,
                  std::vector<Attribute> attributes, std::string_view domain) {
  return nodes(op, module, 1, std::move(inputs), std::move(attributes), domain).front();
}

// Opset 18 made the axes of reductions an input, opset 13 those of ReduceSum.
Value Graph::reduce(std::string_view op, const std::string& module, const Value& x,
                    const std::vector<Index>& axes, bool keep) {
  const Attribute keep_dims{"keepdims", Index{keep}};
  if (opset() >= 18 || op == "ReduceSum") {
    return node(op, module, {x, ints(axes)}, {keep_dims});
  }
  return node(op, module, {x}, {{"axes", axes}, keep_dims});
}

Value Graph::cast(const std::string& module, const Value& x, Type type) {
  return node("Cast", module, {x}, {{"to", static_cast<Index>(type)}});
}

Value Graph::to_float(const std::string& module, const Value& x) {
  return compute_type() == Type::F32 ? x : cast(module, x, Type::F32);
}

Value Graph::to_compute(const std::string& module, const Value& x) {
  return compute_type() == Type::F32 ? x : cast(module, x, compute_type());
}

Value Graph::add_weight(const std::string& key, bool transposed) {
  const auto shared = shared_.find(key);
  if (shared != shared_.end()) return add_weight(shared->second, transposed);
  const auto known = known_weights_.find({key, transposed});
  if (known != known_weights_.end()) return known->second;
  weights_.push_back({.key = key, .shape = *shapes_.at(key), .transposed = transposed});
  Value value = unique(key);
  if (options_.dtype == DType::BF16) value = cast(key, value, Type::F32);
  known_weights_.emplace(std::pair(key, transposed), value);
  return value;
}

Value Graph::constant(Type type, const std::vector<Index>& shape, std::span<const std::byte> bytes,
                      const std::string& name) {
  const std::string content =
      fmt::format("{} {} {}", static_cast<int>(type), fmt::join(shape, ","),
                  std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const auto known = known_constants_.find(content);
  if (known != known_constants_.end()) return known->second;
  Value value = unique(name);
  expect_memory(raw_.add_constant(
      {.name = value.c_str(), .type = type, .shape = {shape.data(), shape.size()}},
      {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}));
  known_constants_.emplace(content, value);
  return value;
}

Value Graph::ints(const std::vector<Index>& values) {
  return constant(Type::I64, {std::ssize(values)}, bytes_of(values),
                  fmt::format("[{}]", fmt::join(values, ",")));
}

Value Graph::index(Index value) {
  return constant(Type::I64, {}, std::as_bytes(std::span(&value, 1)), std::to_string(value));
}

Value Graph::number(float value) {
  const std::string name = fmt::format("{}", value);
  if (compute_type() == Type::F32) {
    return constant(Type::F32, {}, std::as_bytes(std::span(&value, 1)), name);
  }
  std::byte half[2];
  encode_floats({&value, 1}, DType::F16, half);
  return constant(Type::F16, {}, half, name);
}

Value Graph::floats(const std::vector<float>& values, const std::vector<Index>& shape) {
  const std::string name = values.size() <= 4 ? fmt::format("[{}]", fmt::join(values, ","))
                                              : fmt::format("floats[{}]", fmt::join(shape, ","));
  return constant(Type::F32, shape, bytes_of(values), name);
}

Value linear(Graph& graph, const std::string& module, const Value& x) {
  const Value product =
      graph.node("MatMul", module, {x, graph.transposed_weight(module + ".weight")});
  return graph.node("Add", module, {product, graph.weight(module + ".bias")});
}

Value layer_norm(Graph& graph, const std::string& module, const Value& x) {
  const Value gamma = graph.weight(module + ".weight");
  return layer_norm(graph, module, x, gamma, graph.weight(module + ".bias"));
}

Value layer_norm(Graph& graph, const std::string& module, const Value& x, const Value& gamma,
                 const Value& beta) {
  constexpr float kEpsilon = 1e-6f;  // nn.LayerNorm(eps=1e-6) in the original
  return graph.node("LayerNormalization", module, {x, gamma, beta},
                    {{"axis", Index{-1}}, {"epsilon", kEpsilon}});
}

// RMSNormalization came with opset 23. Before that these are operators that runtimes recognise as
// one, as long as their order is this.
Value rms_norm(Graph& graph, const std::string& module, const Value& x) {
  constexpr float kEpsilon = 1e-6f;
  constexpr int kFirstWithRmsNormalization = 23;
  const Value gamma = graph.weight(module + ".weight");
  if (graph.opset() >= kFirstWithRmsNormalization) {
    return graph.node("RMSNormalization", module, {x, gamma},
                      {{"axis", Index{-1}}, {"epsilon", kEpsilon}});
  }
  const Value wide = graph.to_float(module, x);
  const Value squares = graph.node("Pow", module, {wide, graph.floats({2}, {})});
  const Value mean = graph.reduce("ReduceMean", module, squares, {-1}, true);
  const Value shifted = graph.node("Add", module, {mean, graph.floats({kEpsilon}, {})});
  const Value root = graph.node("Sqrt", module, {shifted});
  const Value scaled = graph.to_compute(module, graph.node("Div", module, {wide, root}));
  return graph.node("Mul", module, {scaled, gamma});
}

// The operator Gelu came with opset 20; runtimes recognise this form.
Value gelu(Graph& graph, const std::string& module, const Value& x) {
  const Value scaled = graph.node("Div", module, {x, graph.number(std::numbers::sqrt2_v<float>)});
  const Value erf = graph.node("Erf", module, {scaled});
  const Value shifted = graph.node("Add", module + "/one", {erf, graph.number(1)});
  const Value product = graph.node("Mul", module, {x, shifted});
  return graph.node("Mul", module + "/half", {product, graph.number(0.5f)});
}

Value silu(Graph& graph, const std::string& module, const Value& x) {
  return graph.node("Mul", module + "/silu", {x, graph.node("Sigmoid", module + "/silu", {x})});
}

Value slice(Graph& graph, const std::string& module, const Value& x, Index axis, Index begin,
            Index end) {
  return graph.node("Slice", module,
                    {x, graph.ints({begin}), graph.ints({end}), graph.ints({axis})});
}

}  // namespace sapiens::onnx
