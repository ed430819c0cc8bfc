#pragma once

#include <vector>

#include "model/config.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The angle of pair `j` of the `per_axis` pairs of numbers that rotary positions turn for an axis,
/// where the centre of a patch lies at `place` of that axis, from -1 to 1.
double rotation_angle(double place, Index j, Index per_axis);

/// The rotation of every token [T, d] of an input with `grid`: cos | sin of d / 2 angles, those of
/// the row, then those of the column. Extra tokens are not rotated. Fills `storage`, which the
/// result refers to.
ConstMatrix rotations_of(const EncoderConfig& config, Grid grid, std::vector<float>& storage);

}  // namespace sapiens
