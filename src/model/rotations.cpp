#include "model/rotations.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

namespace sapiens {
namespace {

// Writes rows of the table, one after the other.
class Rotations {
 public:
  Rotations(Index head_dim, std::span<float> table) : per_axis_(head_dim / 4), table_(table) {}

  void add_unrotated() {
    add([](Index) { return 0.0; });
  }
  void add_patch(double row, double column) {
    add([&](Index m) {
      return rotation_angle(m < per_axis_ ? row : column, m % per_axis_, per_axis_);
    });
  }

 private:
  // cos | sin of `angle(m)` for m = 0..d/2-1.
  template <typename Angle>
  void add(Angle angle) {
    const Index half = 2 * per_axis_;
    for (Index m = 0; m < half; ++m) {
      table_[static_cast<std::size_t>(m)] = static_cast<float>(std::cos(angle(m)));
      table_[static_cast<std::size_t>(half + m)] = static_cast<float>(std::sin(angle(m)));
    }
    table_ = table_.subspan(static_cast<std::size_t>(2 * half));
  }

  Index per_axis_;
  std::span<float> table_;
};

}  // namespace

double rotation_angle(double place, Index j, Index per_axis) {
  constexpr double kTemperature = 100;
  const double period =
      std::pow(kTemperature, static_cast<double>(j) / static_cast<double>(per_axis));
  return 2 * std::numbers::pi * place / period;
}

ConstMatrix rotations_of(const EncoderConfig& config, Grid grid, std::vector<float>& storage) {
  const Index E = config.extra_tokens(), T = E + grid.patches();
  const Index head_dim = config.width / config.heads;
  storage.resize(static_cast<std::size_t>(T * head_dim));
  Rotations rotations(head_dim, storage);
  const auto centre = [](Index i, Index n) {
    return 2 * (static_cast<double>(i) + 0.5) / static_cast<double>(n) - 1;
  };
  for (Index i = 0; i < E; ++i) rotations.add_unrotated();
  for (Index row = 0; row < grid.height; ++row) {
    for (Index column = 0; column < grid.width; ++column) {
      rotations.add_patch(centre(row, grid.height), centre(column, grid.width));
    }
  }
  return {storage.data(), {T, head_dim}};
}

}  // namespace sapiens
