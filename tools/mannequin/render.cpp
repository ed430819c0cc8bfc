#include "render.hpp"

#include "cast.hpp"

namespace mannequin {
namespace {

/// What one ray sees.
struct Sight {
  Hit person;
  Vec3 normal;  ///< Of the person.
  Seen other;
  bool is_person() const { return person && person.t < other.t; }
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
  std::span<const std::uint16_t> active(float x, float y) const {
    return tiles_.at(std::clamp(static_cast<int>(x + 0.5f), 0, camera_.width - 1),
                     std::clamp(static_cast<int>(y + 0.5f), 0, camera_.height - 1));
  }
  Sight look(float x, float y) const;
  Vec3 color(float x, float y, const Sight& sight) const;
  Vec3 lit(Vec3 albedo, Vec3 point, Vec3 normal, Vec3 view, float open, float gloss) const;
  float openness(Vec3 p, Vec3 normal, std::span<const std::uint16_t> near) const;
  Vec3 smoothed(float x, float y, const Sight& middle) const;
  bool differ(const Sight& a, const Sight& b) const;

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
  // A sphere's outline is an ellipse, longer than this only far from the optical axis.
  const float stretch = length(center - camera_.frame.origin) / at.depth;
  const float r = camera_.focal * radius / (at.depth - radius) * stretch + 1;
  return {at.x - r, at.y - r, at.x + r, at.y + r};
}

/// How much of the sky a point sees, from how close things are along its normal.
float Renderer::openness(Vec3 p, Vec3 normal, std::span<const std::uint16_t> near) const {
  float closed = 0;
  constexpr float kSteps[] = {0.02f, 0.05f};
  for (const float step : kSteps) {
    const float d = figure_.nearest(p + normal * step, near).distance;
    closed += std::max(0.0f, step - d) / step;
  }
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

Sight Renderer::look(float x, float y) const {
  const Ray seen = ray(x, y);
  const std::span<const std::uint16_t> groups = active(x, y);
  Sight sight{cast(figure_, groups, seen), {}, room_.look(seen.origin, seen.direction)};
  if (sight.is_person()) {
    const Vec3 p = seen.at(sight.person.t);
    sight.normal = figure_.normal(p, figure_.close_to(p, 0.005f, groups).items());
  }
  return sight;
}

Vec3 Renderer::color(float x, float y, const Sight& sight) const {
  const Vec3 view = ray(x, y).direction;
  if (sight.is_person()) {
    const Vec3 p = ray(x, y).at(sight.person.t);
    const Group& group = figure_.groups()[static_cast<std::size_t>(sight.person.group)];
    const Material& material = figure_.material(group);
    const GroupList close = figure_.close_to(p, 0.06f, active(x, y));
    return lit(color_at(material, group.frame.to_local(p)), p, sight.normal, view,
               openness(p, sight.normal, close.items()), material.gloss);
  }
  const Vec3 albedo = room_.color(sight.other, view);
  if (!sight.other.lit) return albedo;
  return lit(albedo, sight.other.point, sight.other.normal, view, 1, 0);
}

/// A pixel at an edge: the mean of its middle and of three rays around that.
Vec3 Renderer::smoothed(float x, float y, const Sight& middle) const {
  constexpr float kOffsets[][2] = {{-0.375f, -0.125f}, {0.3125f, -0.3125f}, {0.0625f, 0.4375f}};
  Vec3 sum = color(x, y, middle);
  for (const auto& offset : kOffsets) {
    const float sx = x + offset[0], sy = y + offset[1];
    sum = sum + color(sx, sy, look(sx, sy));
  }
  return sum * 0.25f;
}

/// Is there an edge between what two neighbouring pixels show?
bool Renderer::differ(const Sight& a, const Sight& b) const {
  constexpr float kStep = 0.04f;  // metres along the ray
  if (a.is_person() != b.is_person()) return true;
  if (!a.is_person()) return a.other.thing != b.other.thing;
  const auto material = [&](const Sight& sight) {
    return figure_.groups()[static_cast<std::size_t>(sight.person.group)].material;
  };
  return material(a) != material(b) || std::abs(a.person.t - b.person.t) > kStep;
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
  std::vector<Sight> sights(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const float x = real(static_cast<int>(i) % width), y = real(static_cast<int>(i) / width);
    sights[i] = look(x, y);
    if (!sights[i].is_person()) continue;
    const Group& group = figure_.groups()[static_cast<std::size_t>(sights[i].person.group)];
    const Ray seen = ray(x, y);
    out.label[i] = group.label;
    out.part[i] = static_cast<std::uint8_t>(group.part);
    out.depth[i] = camera_.depth(seen.direction, sights[i].person.t);
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
      out.color[i] = edge(x, y, i) ? smoothed(real(x), real(y), sights[i])
                                   : color(real(x), real(y), sights[i]);
    }
  }
  return out;
}

}  // namespace

Rendering render(const Figure& figure, const Room& room, const Light& light, const Camera& camera) {
  return Renderer(figure, room, light, camera).run();
}

}  // namespace mannequin
