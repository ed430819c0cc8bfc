#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "onnx/module.hpp"
#include "reconcile/param_spec.hpp"
#include "sapiens/onnx.hpp"

namespace sapiens::onnx {

/// The end of a slice that goes up to the last element.
inline constexpr Index kToEnd = std::numeric_limits<Index>::max();

/// The name of a value of a graph: an input, a weight, a constant or an output of a node.
using Value = std::string;

struct Attribute {
  std::string name;
  std::variant<Index, std::vector<Index>, float, std::string> value;
};

/// A number, or a symbol where the extent may vary.
struct Extent {
  // NOLINTNEXTLINE(google-explicit-constructor): a shape is a list of numbers and symbols
  Extent(std::integral auto number) : size(number) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Extent(const char* name) : symbol(name) {}

  bool is_fixed() const noexcept { return symbol.empty(); }

  Index size = 0;
  std::string symbol = {};
};
using Shape = std::vector<Extent>;

/// Throws `Error(OutOfResources)` unless `done`, which a function of the module returned.
void expect_memory(bool done);

/// The type of weights of `dtype`: F32, F16 or BF16.
Type type_of(DType dtype) noexcept;

/// A tensor of the checkpoint that a graph refers to.
struct Weight {
  std::string key;
  std::vector<Index> shape;  ///< In the checkpoint.
  bool transposed = false;   ///< A matrix [out, in] that the graph holds as [in, out].

  std::vector<Index> written_shape() const {
    return transposed ? std::vector<Index>(shape.rbegin(), shape.rend()) : shape;
  }
};

/// Puts a graph together: nodes named after the modules of the model ("backbone.layers.0.attn.qkv"
/// and the operator), weights named like the checkpoint's tensors, constants that are shared.
/// Throws `Error(OutOfResources)` if memory runs out.
class Graph {
 public:
  /// `params` are the model's tensors. All must outlive this object.
  Graph(RawModel& raw, const OnnxOptions& options, std::span<const ParamSpec> params);

  int opset() const noexcept { return options_.opset; }
  OnnxAttention attention() const noexcept { return options_.attention; }
  /// The type that activations have, F32 or F16.
  Type compute_type() const noexcept {
    return options_.dtype == DType::F16 ? Type::F16 : Type::F32;
  }
  DType weight_type() const noexcept { return options_.dtype; }

  Value input(const std::string& name, Type type, const Shape& shape);
  /// `value`, which has the compute type, as an output of type F32.
  void output(const std::string& name, const Value& value, const Shape& shape);
  /// `value` as an output of its own type.
  void output(const std::string& name, const Value& value, Type type, const Shape& shape);

  /// A node of one output. `module` may end in a name of what is computed: "…attn/scale".
  Value node(std::string_view op, const std::string& module, std::vector<Value> inputs,
             std::vector<Attribute> attributes = {}, std::string_view domain = "");
  std::vector<Value> nodes(std::string_view op, const std::string& module, std::size_t outputs,
                           std::vector<Value> inputs, std::vector<Attribute> attributes = {},
                           std::string_view domain = "");

  /// A node that reduces `axes` and keeps them with extent 1 where `keep`.
  Value reduce(std::string_view op, const std::string& module, const Value& x,
               const std::vector<Index>& axes, bool keep);
  Value cast(const std::string& module, const Value& x, Type type);
  /// `x` as float32; `x` itself where that is the compute type.
  Value to_float(const std::string& module, const Value& x);
  /// A float32 `x` in the compute type.
  Value to_compute(const std::string& module, const Value& x);

  /// A tensor of the checkpoint, in the compute type.
  Value weight(const std::string& key) { return add_weight(key, false); }
  /// A matrix [out, in] of the checkpoint as [in, out], so that x times it is a linear layer.
  Value transposed_weight(const std::string& key) { return add_weight(key, true); }

  /// `key` is the same tensor as `same`: the graph holds it once, under that name.
  void share_weight(const std::string& key, const std::string& same) { shared_[key] = same; }

  /// Constants; equal ones are shared.
  Value ints(const std::vector<Index>& values);  ///< I64 [n].
  Value index(Index value);                      ///< I64 [].
  Value number(float value);                     ///< Compute type [].
  Value floats(const std::vector<float>& values, const std::vector<Index>& shape);  ///< F32.

  std::span<const Weight> weights() const noexcept { return weights_; }
  std::vector<OnnxValue> inputs() const { return inputs_; }
  std::vector<OnnxValue> outputs() const { return outputs_; }
  std::uint64_t node_count() const noexcept { return node_count_; }

 private:
  Value add_weight(const std::string& key, bool transposed);
  Value constant(Type type, const std::vector<Index>& shape, std::span<const std::byte> bytes,
                 const std::string& name);
  std::string unique(const std::string& name);
  void add_node(std::string_view op, const std::string& name, std::span<const Value> inputs,
                std::span<const Value> outputs, std::span<const Attribute> attributes,
                std::string_view domain);

  RawModel& raw_;
  const OnnxOptions& options_;
  std::map<std::string_view, const std::vector<Index>*> shapes_;  // of the parameters
  std::map<std::string, std::size_t> names_;                      // how often each was asked for
  std::map<std::string, std::string> shared_;                     // weights by another's name
  std::map<std::pair<std::string, bool>, Value> known_weights_;   // by key, and whether transposed
  std::map<std::string, Value> known_constants_;                  // by type, shape and bytes
  std::set<std::string> domains_;
  std::vector<Weight> weights_;
  std::vector<OnnxValue> inputs_, outputs_;
  std::uint64_t node_count_ = 0;
};

/// y = x W^T + b of the linear layer `module`.
Value linear(Graph& graph, const std::string& module, const Value& x);
/// Layer norm over the last axis, with the epsilon of every norm of Sapiens.
Value layer_norm(Graph& graph, const std::string& module, const Value& x);
Value layer_norm(Graph& graph, const std::string& module, const Value& x, const Value& gamma,
                 const Value& beta);
/// x / sqrt(mean(x^2) + epsilon) * gamma over the last axis, with the epsilon of every norm of
/// Sapiens2. Squares are summed in float32.
Value rms_norm(Graph& graph, const std::string& module, const Value& x);
/// x Phi(x), exactly.
Value gelu(Graph& graph, const std::string& module, const Value& x);
/// x sigmoid(x).
Value silu(Graph& graph, const std::string& module, const Value& x);

/// x[..., begin:end] along `axis`; a negative `begin` and an `end` of kToEnd count as in ONNX.
Value slice(Graph& graph, const std::string& module, const Value& x, Index axis, Index begin,
            Index end);

}  // namespace sapiens::onnx
