#include "checkpoint/number_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sapiens {
namespace {

constexpr std::array kNumberTypes = {
    NumberType{"float64", "DoubleStorage", "F64", 8, 64, DType::F64},
    NumberType{"float32", "FloatStorage", "F32", 7, 32, DType::F32},
    NumberType{"float16", "HalfStorage", "F16", 6, 16, DType::F16},
    NumberType{"bfloat16", "BFloat16Storage", "BF16", 13, 16, DType::BF16},
    NumberType{"int64", "LongStorage", "I64", 5, 64, DType::I64},
    NumberType{"int32", "IntStorage", "I32", 4, 32, DType::I32},
    NumberType{"int16", "ShortStorage", "I16", 3, 16, DType::I16},
    NumberType{"int8", "CharStorage", "I8", 2, 8, DType::I8},
    NumberType{"uint8", "ByteStorage", "U8", 1, 8, DType::U8},
    NumberType{"bool", "BoolStorage", "BOOL", 12, 8, DType::Bool},
    NumberType{"float8_e4m3fn", "", "F8_E4M3", 29, 8},
    NumberType{"float8_e5m2", "", "F8_E5M2", 30, 8},
    NumberType{"float8_e4m3fnuz", "", "F8_E4M3FNUZ", 31, 8},
    NumberType{"float8_e5m2fnuz", "", "F8_E5M2FNUZ", 32, 8},
    NumberType{"float8_e8m0fnu", "", "F8_E8M0", 33, 8},
    NumberType{"float6_e2m3", "", "F6_E2M3", -1, 6},
    NumberType{"float6_e3m2", "", "F6_E3M2", -1, 6},
    NumberType{"float4_e2m1fn_x2", "", "F4", -1, 4},
    NumberType{"complex32", "ComplexHalfStorage", "", 9, 32},
    NumberType{"complex64", "ComplexFloatStorage", "C64", 10, 64},
    NumberType{"complex128", "ComplexDoubleStorage", "C128", 11, 128},
    NumberType{"uint16", "", "U16", 28, 16},
    NumberType{"uint32", "", "U32", 34, 32},
    NumberType{"uint64", "", "U64", 35, 64},
    NumberType{"quint8", "QUInt8Storage", "", -1, 8},
    NumberType{"qint8", "QInt8Storage", "", -1, 8},
    NumberType{"qint32", "QInt32Storage", "", -1, 32},
    NumberType{"quint4x2", "QUInt4x2Storage", "", -1, 8},
    NumberType{"quint2x4", "QUInt2x4Storage", "", -1, 8},
};

struct Advice {
  std::string_view start;  ///< The first characters of the type's name in PyTorch.
  std::string_view reason;
  std::string_view hint;
};

// A small float type is ambiguous: programs that write it divide the parameters by a scale factor
// that is stored elsewhere, so a plain conversion would give wrong values.
constexpr std::string_view kScaled = "numbers that are usually stored divided by a scale factor";
constexpr std::string_view kScaledHint =
    "use the 16-bit or 32-bit file of the same model; or make x.to(torch.float16) times the scale "
    "factor that was stored beside it, in PyTorch, and save that";

constexpr std::array kAdvice = {
    Advice{"float8", kScaled, kScaledHint},
    Advice{"float6", kScaled, kScaledHint},
    Advice{"float4", kScaled, kScaledHint},
    Advice{"complex", "complex numbers",
           "save the part that the model uses in PyTorch: x.real.clone() or x.imag.clone()"},
    Advice{"uint", "unsigned integers of that width",
           "convert it in PyTorch with x.to(torch.float32), and save again"},
    Advice{"q", "quantised numbers", "save x.dequantize() in PyTorch"},
};

constexpr Advice kUnknownType = {"", "a type that this program does not know",
                                 "convert it in PyTorch with x.to(torch.float32), and save again"};

struct Kind {
  std::string_view function;
  std::string_view type;
  std::string_view reason;
  std::string_view hint;
};

constexpr std::string_view kFullTensor =
    "save x.full_tensor() of every such tensor; or turn a distributed checkpoint into one file: "
    "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE.pth`";

constexpr std::array kKinds = {
    Kind{"_rebuild_sparse_tensor", "sparse", "indices and values", "save x.to_dense() in PyTorch"},
    Kind{"_rebuild_sparse_csr_tensor", "sparse", "indices and values",
         "save x.to_dense() in PyTorch"},
    Kind{"_rebuild_qtensor", "quantised", "quantised numbers", "save x.dequantize() in PyTorch"},
    Kind{"_rebuild_nested_tensor", "nested", "several tensors in one",
         "save the tensors of x.unbind() in PyTorch"},
    Kind{"_rebuild_njt", "nested", "several tensors in one",
         "save the tensors of x.unbind() in PyTorch"},
    Kind{"_rebuild_meta_tensor_no_storage", "meta", "a tensor on the meta device, without values",
         "no values were saved: load the weights into the model first, then save it"},
    Kind{"_rebuild_wrapper_subclass", "wrapper subclass", "a tensor of a class that holds others",
         "turn it into an ordinary tensor with the library that made it, and save again"},
    Kind{"_rebuild_device_tensor_from_numpy", "NumPy", "a device's tensor, kept as a NumPy array",
         "save x.cpu() in PyTorch"},
    Kind{"_rebuild_xla_tensor", "NumPy", "a device's tensor, kept as a NumPy array",
         "save x.cpu() in PyTorch"},
    Kind{"_rebuild_device_tensor_from_cpu_tensor", "device", "a device's tensor of another type",
         "save x.cpu() in PyTorch"},
    Kind{"DTensor", "DTensor", "one process's part of a distributed tensor", kFullTensor},
    Kind{"ShardedTensor", "ShardedTensor", "one process's part of a distributed tensor",
         "save a full state dict: gather the parts before torch.save"},
    Kind{"sparse", "sparse", "no dense array", "export the model with x.to_dense()"},
};

Unreadable from_advice(std::string_view type, const Advice& advice) {
  return {std::string(type), std::string(advice.reason), std::string(advice.hint)};
}

}  // namespace

std::optional<DType> dtype_named(std::string_view NumberType::*field,
                                 std::string_view name) noexcept {
  const auto* const type = std::ranges::find(kNumberTypes, name, field);
  return type == kNumberTypes.end() ? std::nullopt : type->dtype;
}

std::optional<DType> dtype_of_scalar_type(int number) noexcept {
  const auto* const type = std::ranges::find(kNumberTypes, number, &NumberType::scalar_type);
  return type == kNumberTypes.end() ? std::nullopt : type->dtype;
}

const NumberType& names_of(DType dtype) noexcept {
  return *std::ranges::find(kNumberTypes, dtype, &NumberType::dtype);
}

const NumberType* find_other_type(std::string_view name) noexcept {
  if (name.empty()) return nullptr;
  for (const NumberType& type : kNumberTypes) {
    if (type.dtype) continue;
    if (name == type.torch || name == type.storage || name == type.safetensors) return &type;
  }
  return nullptr;
}

const NumberType* find_other_type(int scalar_type) noexcept {
  for (const NumberType& type : kNumberTypes) {
    if (!type.dtype && type.scalar_type == scalar_type && scalar_type >= 0) return &type;
  }
  return nullptr;
}

Unreadable unreadable_type(std::string_view name) {
  const NumberType* const type = find_other_type(name);
  if (type == nullptr) return from_advice(name.empty() ? "unknown" : name, kUnknownType);
  for (const Advice& advice : kAdvice) {
    if (type->torch.starts_with(advice.start)) return from_advice(type->torch, advice);
  }
  return from_advice(type->torch, kUnknownType);
}

Unreadable unreadable_kind(std::string_view function) {
  for (const Kind& kind : kKinds) {
    if (kind.function == function) {
      return {std::string(kind.type), std::string(kind.reason), std::string(kind.hint)};
    }
  }
  return {fmt::format("made by {}", function), "a kind of tensor that this program does not know",
          "save an ordinary tensor of the same values in PyTorch"};
}

Unreadable unreadable_class(std::string_view class_name) {
  return {fmt::format("class {}", class_name),
          "a class of tensors that may mean something else by its numbers",
          "if it is an ordinary tensor, save x.as_subclass(torch.Tensor).clone() in PyTorch"};
}

Unreadable unreadable_description(std::string_view type, std::string what) {
  return {std::string(type), std::move(what),
          "load it with PyTorch and save x.detach().clone().resolve_conj().resolve_neg()"};
}

}  // namespace sapiens
