#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/state_dict.hpp"

namespace sapiens {

/// A number type of PyTorch and safetensors, under all of its names.
struct NumberType {
  std::string_view torch;        ///< "float8_e4m3fn"
  std::string_view storage;      ///< "ComplexFloatStorage"; empty where there is none.
  std::string_view safetensors;  ///< "F8_E4M3"; empty where there is none.
  int scalar_type;               ///< torch/_export/serde/schema.py; -1 where there is none.
  int bits;                      ///< Per element, as safetensors counts them.
  /// nullopt for a type that this program does not compute with.
  std::optional<DType> dtype = {};
};

/// The DType whose `field` is `name`, as in dtype_named(&NumberType::torch, "float32"); nullopt for
/// an unknown or unsupported one.
std::optional<DType> dtype_named(std::string_view NumberType::*field,
                                 std::string_view name) noexcept;
std::optional<DType> dtype_of_scalar_type(int number) noexcept;

/// All names of a DType.
const NumberType& names_of(DType dtype) noexcept;

/// Finds an unsupported type by any of its names; null for any other.
const NumberType* find_other_type(std::string_view name) noexcept;
const NumberType* find_other_type(int scalar_type) noexcept;

/// Describes numbers of an unsupported type, under the name that the file uses.
Unreadable unreadable_type(std::string_view name);

/// Describes tensors that are not dense arrays, by the function of PyTorch that makes them, such as
/// "_rebuild_sparse_tensor". An unknown function gives a tensor of unknown kind.
Unreadable unreadable_kind(std::string_view function);

/// Describes a tensor of a Python class that may interpret its numbers differently.
Unreadable unreadable_class(std::string_view class_name);

/// Describes a tensor with an argument, flag or attribute that is not understood; `what` is the end
/// of "the tensor ...".
Unreadable unreadable_description(std::string_view type, std::string what);

}  // namespace sapiens
