#pragma once

#include <cstddef>
#include <cstdint>

/// The interface between the library and its module `sapiens_onnx_proto`, which is linked to the
/// protobuf classes of the onnx library. They are two files that may come from two builds: no
/// exception and no type of the standard library crosses it, and a module with another
/// `kModuleVersion` is not used. Texts end in a zero byte. Functions that return bool return false
/// if memory runs out.
namespace sapiens::onnx {

/// Incremented with every change of what the module provides.
inline constexpr std::uint32_t kModuleVersion = 1;
inline constexpr const char* kModuleFile = "sapiens_onnx_proto.so";
inline constexpr const char* kModuleEntry = "sapiens_onnx_proto_module";

/// Types of elements, with the numbers of `TensorProto.DataType`.
enum class Type : std::int32_t { F32 = 1, U8 = 2, I64 = 7, Bool = 9, F16 = 10, BF16 = 16 };

template <class T>
struct List {
  const T* data = nullptr;
  std::size_t size = 0;
};

/// An attribute of a node; `kind` says which member holds its value.
struct RawAttribute {
  enum class Kind : std::int32_t { Int, Ints, Float, String };
  const char* name = nullptr;
  Kind kind = Kind::Int;
  std::int64_t number = 0;
  List<std::int64_t> numbers = {};
  float real = 0;
  const char* text = nullptr;
};

struct RawNode {
  const char* name = nullptr;
  const char* op = nullptr;
  const char* domain = nullptr;  ///< Empty: the operators of ONNX itself.
  List<const char*> inputs = {};
  List<const char*> outputs = {};
  List<RawAttribute> attributes = {};
};

/// An extent of an input or output: a number, or a symbol where it is not fixed.
struct RawExtent {
  std::int64_t size = 0;
  const char* symbol = nullptr;  ///< Null for a number.
};

struct RawTensor {
  const char* name = nullptr;
  Type type = Type::F32;
  List<std::int64_t> shape = {};
};

struct Bytes {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
};

/// A model that is put together, and then written by the library in this order: the bytes of
/// `begin`, and for each tensor of `add_weight` the bytes of `begin_weight` and its values.
class RawModel {
 public:
  virtual ~RawModel() = default;

  virtual bool set_header(const char* producer, const char* version, const char* graph,
                          const char* description, std::int64_t ir_version) noexcept = 0;
  virtual bool add_opset(const char* domain, std::int64_t version) noexcept = 0;
  virtual bool add_metadata(const char* key, const char* value) noexcept = 0;
  virtual bool add_input(const char* name, Type type, List<RawExtent> shape) noexcept = 0;
  virtual bool add_output(const char* name, Type type, List<RawExtent> shape) noexcept = 0;
  virtual bool add_node(const RawNode& node) noexcept = 0;
  /// A small tensor with its values, little-endian.
  virtual bool add_constant(const RawTensor& tensor, Bytes values) noexcept = 0;
  /// A tensor of `size` bytes, whose values the library writes behind `begin_weight`.
  virtual bool add_weight(const RawTensor& tensor, std::uint64_t size) noexcept = 0;
  /// A tensor whose values lie in another file beside this one.
  virtual bool add_external_weight(const RawTensor& tensor, const char* location,
                                   std::uint64_t offset, std::uint64_t size) noexcept = 0;

  /// The size of the whole file in bytes, with the values of all weights.
  virtual std::uint64_t file_size() const noexcept = 0;
  /// The file up to its first weight. `bytes` are valid until the next call.
  virtual bool begin(Bytes& bytes) noexcept = 0;
  /// What precedes the values of weight `index`. `bytes` are valid until the next call.
  virtual bool begin_weight(std::size_t index, Bytes& bytes) noexcept = 0;
};

/// The functions of the module. The caller deletes the result of `create`, which is null if memory
/// runs out.
struct Module {
  std::uint32_t version;
  RawModel* (*create)() noexcept;
};

/// The module, for the library alone, loaded on first use. Throws Error(UnsupportedFormat) that
/// names `file` where there is none.
const Module& require_module(const char* file);

}  // namespace sapiens::onnx
