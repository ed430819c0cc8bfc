#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/state_dict.hpp"

namespace sapiens {

/// A type of numbers that PyTorch or safetensors knows and this program does not compute with.
struct OtherType {
  std::string_view torch;        ///< "float8_e4m3fn"
  std::string_view storage;      ///< "ComplexFloatStorage"; empty where there is none.
  std::string_view safetensors;  ///< "F8_E4M3"; empty where there is none.
  int scalar_type;               ///< torch/_export/serde/schema.py; -1 where there is none.
  int bits;                      ///< Per element, as safetensors counts them.
};

/// By any of its names; null for an unknown one.
const OtherType* find_other_type(std::string_view name) noexcept;
const OtherType* find_other_type(int scalar_type) noexcept;

/// Numbers of a type that is not read, under the name that the file has for it.
Unreadable unreadable_type(std::string_view name);

/// Tensors that are no dense array of numbers, by the function of PyTorch that makes them:
/// "_rebuild_sparse_tensor". A function that is not known gives a tensor that is not known.
Unreadable unreadable_kind(std::string_view function);

/// A tensor of a Python class that may mean something else by its numbers.
Unreadable unreadable_class(std::string_view class_name);

/// A tensor whose description says something (an argument, a flag, an attribute) that is not
/// understood; `what` completes "the tensor ...".
Unreadable unreadable_description(std::string_view type, std::string what);

}  // namespace sapiens
