#pragma once

#include <pybind11/numpy.h>

#include <memory>
#include <sapiens/features.hpp>
#include <sapiens/image.hpp>
#include <utility>
#include <vector>

namespace sapiens::python {

/// Where numbers lie, and what keeps them there.
template <typename T>
struct Kept {
  T* data;
  pybind11::capsule owner;
};

template <typename T>
Kept<T> keep(std::vector<T> values) {
  auto owner = std::make_unique<std::vector<T>>(std::move(values));
  T* const data = owner->data();
  pybind11::capsule capsule(owner.get(),
                            [](void* memory) { delete static_cast<std::vector<T>*>(memory); });
  static_cast<void>(owner.release());  // now the capsule's
  return {data, std::move(capsule)};
}

/// A NumPy array whose memory is that of `values`: nothing is copied.
template <typename T>
pybind11::array_t<T> moved(std::vector<T> values, const std::vector<Index>& shape) {
  const Kept<T> kept = keep(std::move(values));
  return pybind11::array_t<T>(shape, kept.data, kept.owner);
}

inline pybind11::array_t<float> moved(FloatArray array) {
  return moved(std::move(array.values), array.shape);
}

/// [H, W, 3]
inline pybind11::array_t<std::uint8_t> moved(Image picture) {
  const std::vector<Index> shape = {picture.height, picture.width, 3};
  return moved(std::move(picture.rgb), shape);
}

}  // namespace sapiens::python
