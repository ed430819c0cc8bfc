#include "render.hpp"

#include "cast.hpp"

namespace mannequin {
namespace {

/// The result of one ray.
struct RayResult {
  Hit person;
  Vec3 normal;  ///< Normal of the person's surface.
  Seen other;
  bool is_person() const { return person && person.t < other.t; }
};

/// A position in pixels.
struct Place {
  float x, y;
};

class Renderer {
 public:
  Renderer(const Figure& figure, const Room& room, const Light& light, const Camera& camera)
      : figure_(figure),
        room_(room),
        light_(light),
        camera_(camera),
        tiles_(figure, camera.width, camera.height,
               [&](Vec3 center, float radius) { return bounds(center, radius); }),
        shadow_(figure, light.direction, light.blur) {}

  Rendering run();

 private:
  Tiles::Bounds bounds(Vec3 center, float radius) const;
  Ray ray(float x, float y) const { return {camera_.frame.origin, camera_.direction(x, y)}; }
  std::array<RayResult, 4> look(int x, int y, const std::array<Place, 4>& places) const;
  Vec3 color(int x, int y, Place place, const RayResult& sight) const;
  Vec3 lit(Vec3 albedo, Vec3 point, Vec3 normal, Vec3 view, float open, float gloss) const;
  float openness(Vec3 p, Vec3 normal, std::span<const std::uint16_t> near) const;
  Vec3 smoothed(int x, int y, const RayResult& middle) const;
  void trace_all(std::vector<RayResult>& sights) const;
  bool differ(const RayResult& a, const RayResult& b) const;

  const Figure& figure_;
  const Room& room_;
  const Light& light_;
  const Camera& camera_;
  Tiles tiles_;
  ShadowMap shadow_;
};

Tiles::Bounds Renderer::bounds(Vec3 center, float radius) const {
  const Projected at = camera_.project(center);
  if (at.depth < radius * 1.2f) return {0, 0, 1e6f, 1e6f};
  // The outline of a sphere is an ellipse, which is longer than this only far from the optical
  // axis.
  const float stretch = length(center - camera_.frame.origin) / at.depth;
  const float r = camera_.focal * radius / (at.depth - radius) * stretch + 1;
  return {at.x - r, at.y - r, at.x + r, at.y + r};
}

/// The share of the sky that a point sees, estimated from how close objects are along its normal.
float Renderer::openness(Vec3 p, Vec3 normal, std::span<const std::uint16_t> near) const {
  constexpr float kSteps[] = {0.01f, 0.02f, 0.035f, 0.05f};
  Vec3x4 points;
  for (int i = 0; i < 4; ++i) points.set(i, p + normal * kSteps[i]);
  const Float4 distance = figure_.nearest(points, near).distance;
  float closed = 0;
  for (int i = 0; i < 4; ++i) closed += 0.5f * std::max(0.0f, 1 - distance[i] / kSteps[i]);
  const float floor = 0.25f * smoothstep(0.25f, 0.0f, p.y) * (0.5f - 0.5f * normal.y);
  return clamp01(1 - 0.42f * closed - floor);
}

Vec3 Renderer::lit(Vec3 albedo, Vec3 point, Vec3 normal, Vec3 view, float open, float gloss) const {
  const Vec3 ambient = mix(light_.ground, light_.sky, 0.5f + 0.5f * normal.y) * open;
  const float facing = dot(normal, light_.direction);
  if (facing <= 0) return albedo * ambient;
  float direct = shadow_.light_at(point + normal * 0.012f);
  if (direct > 0 && room_.shaded(point + normal * 0.005f, light_.direction)) direct = 0;
  const float shine =
      gloss * std::pow(std::max(0.0f, dot(normal, normalize(light_.direction - view))), 30.0f);
  return albedo * (ambient + light_.key * (facing * direct)) + light_.key * (shine * direct);
}

/// A normal is a difference over 2 mm, and at a sharp edge it may point slightly away; visible
/// surfaces face the viewer.
Vec3 turned_to(Vec3 view, Vec3 normal) {
  const float away = dot(normal, view);
  if (away <= 0) return normal;
  return away < 0.99f ? normalize(normal - view * away) : view * -1.0f;
}

/// Traces rays through four positions in or near pixel x, y.
std::array<RayResult, 4> Renderer::look(int x, int y, const std::array<Place, 4>& places) const {
  const std::span<const std::uint16_t> groups = tiles_.at(x, y);
  std::array<Ray, 4> rays;
  for (std::size_t i = 0; i < 4; ++i) rays[i] = ray(places[i].x, places[i].y);
  const std::array<Hit, 4> hits =
      groups.empty() ? std::array<Hit, 4>{} : cast(figure_, groups, rays);
  std::array<RayResult, 4> sights;
  for (std::size_t i = 0; i < 4; ++i) {
    sights[i] = {hits[i], {}, room_.look(rays[i].origin, rays[i].direction)};
    if (!sights[i].is_person()) continue;
    const Vec3 p = rays[i].at(hits[i].t);
    const Vec3 normal = figure_.normal(p, figure_.close_to(p, 0.005f, groups).items());
    sights[i].normal = turned_to(rays[i].direction, normal);
  }
  return sights;
}

Vec3 Renderer::color(int x, int y, Place place, const RayResult& sight) const {
  const Ray seen = ray(place.x, place.y);
  if (sight.is_person()) {
    const Vec3 p = seen.at(sight.person.t);
    const Group& group = figure_.groups()[static_cast<std::size_t>(sight.person.group)];
    const Material& material = figure_.material(group);
    const GroupList close = figure_.close_to(p, 0.06f, tiles_.at(x, y));
    return lit(color_at(material, group.frame.to_local(p)), p, sight.normal, seen.direction,
               openness(p, sight.normal, close.items()), material.gloss);
  }
  const Vec3 albedo = room_.color(sight.other, seen.direction);
  if (!sight.other.lit) return albedo;
  return lit(albedo, sight.other.point, sight.other.normal, seen.direction, 1, 0);
}

/// The antialiased colour of a pixel at an edge: the mean of its centre and four rays around it.
Vec3 Renderer::smoothed(int x, int y, const RayResult& middle) const {
  constexpr float kOffsets[][2] = {
      {-0.15f, -0.40f}, {0.40f, -0.15f}, {0.15f, 0.40f}, {-0.40f, 0.15f}};
  std::array<Place, 4> places;
  for (std::size_t i = 0; i < 4; ++i) {
    places[i] = {real(x) + kOffsets[i][0], real(y) + kOffsets[i][1]};
  }
  const std::array<RayResult, 4> sights = look(x, y, places);
  Vec3 sum = color(x, y, {real(x), real(y)}, middle);
  for (std::size_t i = 0; i < 4; ++i) sum = sum + color(x, y, places[i], sights[i]);
  return sum * 0.2f;
}

/// True if there is an edge between two neighbouring pixels.
bool Renderer::differ(const RayResult& a, const RayResult& b) const {
  constexpr float kStep = 0.04f;  // metres along the ray
  if (a.is_person() != b.is_person()) return true;
  if (!a.is_person()) return a.other.thing != b.other.thing;
  const auto material = [&](const RayResult& sight) {
    return figure_.groups()[static_cast<std::size_t>(sight.person.group)].material;
  };
  return material(a) != material(b) || std::abs(a.person.t - b.person.t) > kStep;
}

/// Traces all pixels, two by two at a time.
void Renderer::trace_all(std::vector<RayResult>& sights) const {
  const int width = camera_.width, height = camera_.height;
  for (int y = 0; y < height; y += 2) {
    for (int x = 0; x < width; x += 2) {
      std::array<Place, 4> places;
      for (int i = 0; i < 4; ++i) {
        places[static_cast<std::size_t>(i)] = {real(x + i % 2), real(y + i / 2)};
      }
      const std::array<RayResult, 4> seen = look(x, y, places);
      for (int i = 0; i < 4; ++i) {
        const int px = x + i % 2, py = y + i / 2;
        if (px >= width || py >= height) continue;
        sights[static_cast<std::size_t>(py * width + px)] = seen[static_cast<std::size_t>(i)];
      }
    }
  }
}

Rendering Renderer::run() {
  const int width = camera_.width, height = camera_.height;
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  Rendering out{.width = width,
                .height = height,
                .color = std::vector<Vec3>(pixels),
                .label = std::vector<std::uint8_t>(pixels),
                .part = std::vector<std::uint8_t>(pixels),
                .depth = std::vector<float>(pixels),
                .normal = std::vector<Vec3>(pixels)};
  std::vector<RayResult> sights(pixels);
  trace_all(sights);
  for (std::size_t i = 0; i < pixels; ++i) {
    if (!sights[i].is_person()) continue;
    const float x = real(static_cast<int>(i) % width), y = real(static_cast<int>(i) / width);
    const Group& group = figure_.groups()[static_cast<std::size_t>(sights[i].person.group)];
    out.label[i] = group.label;
    out.part[i] = static_cast<std::uint8_t>(group.part);
    out.depth[i] = camera_.depth(ray(x, y).direction, sights[i].person.t);
    out.normal[i] = camera_.frame.turn.inverse(sights[i].normal);
  }
  const auto edge = [&](int x, int y, std::size_t i) {
    const auto step = static_cast<std::size_t>(width);
    return (x > 0 && differ(sights[i], sights[i - 1])) ||
           (x + 1 < width && differ(sights[i], sights[i + 1])) ||
           (y > 0 && differ(sights[i], sights[i - step])) ||
           (y + 1 < height && differ(sights[i], sights[i + step]));
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(y * width + x);
      out.color[i] =
          edge(x, y, i) ? smoothed(x, y, sights[i]) : color(x, y, {real(x), real(y)}, sights[i]);
    }
  }
  return out;
}

}  // namespace

Rendering render(const Figure& figure, const Room& room, const Light& light, const Camera& camera) {
  return Renderer(figure, room, light, camera).run();
}

}  // namespace mannequin
