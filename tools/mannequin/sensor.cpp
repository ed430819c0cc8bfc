#include "sensor.hpp"

namespace mannequin {
namespace {

/// Blurs with three taps across, then three down; `side` is the weight of each neighbour.
void blur(std::vector<Vec3>& color, int width, int height, float side) {
  std::vector<Vec3> across(color.size());
  const auto at = [&](int x, int y) {
    return static_cast<std::size_t>(std::clamp(y, 0, height - 1) * width +
                                    std::clamp(x, 0, width - 1));
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      across[at(x, y)] =
          color[at(x, y)] * (1 - 2 * side) + (color[at(x - 1, y)] + color[at(x + 1, y)]) * side;
    }
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      color[at(x, y)] =
          across[at(x, y)] * (1 - 2 * side) + (across[at(x, y - 1)] + across[at(x, y + 1)]) * side;
    }
  }
}

float mean_of(const std::vector<Vec3>& color) {
  double sum = 0;
  for (const Vec3& c : color) sum += static_cast<double>(c.x + c.y + c.z);
  return static_cast<float>(sum / (3 * static_cast<double>(color.size())));
}

/// Compresses highlights instead of clipping them at white.
float shouldered(float linear) { return linear < 0.6f ? linear : 1 - 0.16f / (linear - 0.2f); }

}  // namespace

std::vector<std::uint8_t> develop(std::vector<Vec3> color, int width, int height, Random& random) {
  if (random.chance(0.6f)) blur(color, width, height, random.range(0.0f, 0.25f));
  // Exposure moves the mean half of the way to a middle grey.
  const float wanted = random.range(0.10f, 0.30f);
  const float exposure = std::sqrt(wanted / std::max(mean_of(color), 1e-3f));
  const Vec3 balance = Vec3{random.around(1, 0.08f), 1, random.around(1, 0.10f)} * exposure;
  const float grain = random.chance(0.5f) ? random.range(0, 5) : random.range(0, 1.5f);
  std::vector<std::uint8_t> rgb;
  rgb.reserve(color.size() * 3);
  for (const Vec3& linear : color) {
    const Vec3 c = linear * balance;
    for (const float value : {c.x, c.y, c.z}) {
      const float level = 255 * std::pow(std::max(shouldered(value), 0.0f), 1 / 2.2f);
      const float noisy = level + random.around(0, 1.7f) * grain;
      rgb.push_back(static_cast<std::uint8_t>(std::clamp(noisy + 0.5f, 0.0f, 255.0f)));
    }
  }
  return rgb;
}

}  // namespace mannequin
