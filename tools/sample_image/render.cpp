#include <optional>
#include <thread>

#include "scene.hpp"

namespace sample {
namespace {

constexpr int kSamples = 2;  // per pixel and axis

struct Hit {
  Vec3 point;
  Material material;
};

std::optional<Hit> march(const Person& person, Vec3 origin, Vec3 direction) {
  float along = 0;
  for (int step = 0; step < 160 && along < 14; ++step) {
    const Vec3 p = origin + direction * along;
    const Surface nearest = surface(person, p);
    if (nearest.distance < 0.0004f) return Hit{p, nearest.material};
    along += nearest.distance * 0.8f;  // blended distances are a little too large at times
  }
  return std::nullopt;
}

Vec3 normal_at(const Person& person, Vec3 p) {
  constexpr float e = 0.0007f;
  const auto slope = [&](Vec3 d) {
    return surface(person, p + d).distance - surface(person, p - d).distance;
  };
  return normalize({slope({e, 0, 0}), slope({0, e, 0}), slope({0, 0, e})});
}

// 1 in full light; soft because near misses count as well.
float visibility(const Person& person, Vec3 p, Vec3 towards_light) {
  float lit = 1, along = 0.015f;
  for (int step = 0; step < 48 && along < 3; ++step) {
    const float distance = surface(person, p + towards_light * along).distance;
    lit = std::min(lit, 9 * distance / along);
    if (lit < 0.01f) return 0;
    along += std::clamp(distance, 0.012f, 0.25f);
  }
  return smoothstep(0, 1, lit);
}

// How open the surroundings are, from distances along the normal.
float openness(const Person& person, Vec3 p, Vec3 normal) {
  float closed = 0, weight = 1;
  for (int i = 1; i <= 5; ++i, weight *= 0.65f) {
    const float reach = 0.028f * static_cast<float>(i);
    const float distance = surface(person, p + normal * reach).distance;
    closed += weight * std::max(reach - distance, 0.0f);
  }
  return clamp01(1 - 5.5f * closed);
}

float shine(Material material) {
  switch (material) {
    case Material::Eye:
      return 0.9f;
    case Material::Hair:
      return 0.16f;
    case Material::Lips:
      return 0.18f;
    case Material::Skin:
      return 0.10f;
    default:
      return 0.02f;
  }
}

Vec3 shade(const Scene& scene, const Hit& hit, Vec3 direction) {
  const Person& person = scene.person;
  const Light sun = light(scene.place);
  const Vec3 normal = normal_at(person, hit.point);
  const float open = openness(person, hit.point, normal);
  const float facing = dot(normal, sun.direction);
  const float lit =
      facing > 0 ? facing * visibility(person, hit.point + normal * 0.004f, sun.direction) : 0;

  const Vec3 base = colour(person, hit.material, hit.point);
  Vec3 ambient = mix(sun.ground, sun.sky, 0.5f + 0.5f * normal.y) * (0.46f * open);
  // Light enters skin and leaves it red where the surface turns away.
  if (hit.material == Material::Skin) ambient = ambient + Vec3{0.10f, 0.03f, 0.02f} * (1 - lit);
  const Vec3 half = normalize(sun.direction - direction);
  const float power = hit.material == Material::Eye ? 180.0f : 28.0f;
  const float gloss = shine(hit.material) * std::pow(clamp01(dot(normal, half)), power) * lit;
  const float rim = 0.10f * std::pow(clamp01(1 + dot(normal, direction)), 3.0f) * open;
  return base * (ambient + sun.key * (lit * 0.75f)) + sun.key * gloss + sun.sky * rim;
}

Vec3 shade_backdrop(const Scene& scene, Vec3 origin, Vec3 direction) {
  const Backdrop seen = backdrop(scene.place, origin, direction);
  if (!seen.on_floor) return seen.colour;
  const Light sun = light(scene.place);
  const float lit = visibility(scene.person, seen.point, sun.direction);
  const float contact = openness(scene.person, seen.point, {0, 1, 0});
  return seen.colour * ((0.45f + 0.75f * lit) * mix(0.35f, 1.0f, contact));
}

Vec3 trace(const Scene& scene, float u, float v) {
  const Camera& camera = scene.camera;
  const Vec3 forward = normalize(camera.target - camera.position);
  const Vec3 right = normalize(cross(forward, {0, 1, 0}));
  const Vec3 up = cross(right, forward);
  const float aspect = static_cast<float>(scene.width) / static_cast<float>(scene.height);
  const Vec3 direction = normalize(forward + right * (u * aspect * camera.half_height) +
                                   up * (v * camera.half_height));
  const auto hit = march(scene.person, camera.position, direction);
  const Vec3 seen =
      hit ? shade(scene, *hit, direction) : shade_backdrop(scene, camera.position, direction);
  return seen * (1 - 0.13f * (u * u + v * v));  // the lens darkens the corners
}

std::uint8_t encode(float linear) {
  const float exposed = 1 - std::exp(-1.12f * std::max(linear, 0.0f));  // bends highlights over
  return static_cast<std::uint8_t>(std::lround(255 * std::pow(exposed, 1 / 2.2f)));
}

void render_row(const Scene& scene, int y, std::uint8_t* bgr) {
  for (int x = 0; x < scene.width; ++x, bgr += 3) {
    Vec3 sum;
    for (int s = 0; s < kSamples * kSamples; ++s) {
      const float dx = (static_cast<float>(s % kSamples) + 0.5f) / kSamples;
      const float dy = (static_cast<float>(s / kSamples) + 0.5f) / kSamples;
      const float u = 2 * (static_cast<float>(x) + dx) / static_cast<float>(scene.width) - 1;
      const float v = 1 - 2 * (static_cast<float>(y) + dy) / static_cast<float>(scene.height);
      sum = sum + trace(scene, u, v);
    }
    const Vec3 mean = sum * (1.0f / (kSamples * kSamples));
    bgr[0] = encode(mean.z);
    bgr[1] = encode(mean.y);
    bgr[2] = encode(mean.x);
  }
}

}  // namespace

std::vector<std::uint8_t> render(const Scene& scene) {
  const auto row_bytes = static_cast<std::size_t>(scene.width) * 3;
  std::vector<std::uint8_t> bgr(row_bytes * static_cast<std::size_t>(scene.height));
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::jthread> workers;
  for (int first = 0; first < threads; ++first) {
    workers.emplace_back([&, first] {
      for (int y = first; y < scene.height; y += threads) {
        render_row(scene, y, bgr.data() + static_cast<std::size_t>(y) * row_bytes);
      }
    });
  }
  workers.clear();  // joins
  return bgr;
}

}  // namespace sample
