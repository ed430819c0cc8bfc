#include "room.hpp"

namespace mannequin {
namespace {

Material random_paint(Random& random, std::initializer_list<float> weights) {
  constexpr Pattern kPatterns[] = {Pattern::Plain,   Pattern::Blotches, Pattern::Rings,
                                   Pattern::Stripes, Pattern::Checks,   Pattern::Dots};
  Material paint{.pattern = kPatterns[random.pick(weights)], .color = random_color(random)};
  paint.second = mix(paint.color, random_color(random), random.range(0.2f, 1.0f));
  paint.size = random.range(0.08f, 0.5f);
  if (paint.pattern == Pattern::Rings) {
    paint.color = mix(Vec3{0.36f, 0.22f, 0.12f}, Vec3{0.62f, 0.50f, 0.36f}, random.unit());
  }
  return paint;
}

/// A position around the vertical axis; angle 0 is the camera's direction.
Vec3 around(Vec3 camera, float angle, float distance) {
  const Vec3 away = normalize(Vec3{-camera.x, 0, -camera.z});
  return z_to_x(angle) * away * distance;
}

Object random_object(Random& random) {
  Object object{
      .solid = static_cast<Solid>(random.pick({5, 2, 4})),
      .frame = {.turn = z_to_x(random.range(0, 2 * kPi))},
      .half = {random.range(0.06f, 0.55f), random.range(0.08f, 0.9f), random.range(0.06f, 0.55f)},
      .material = random_paint(random, {5, 2, 1, 1, 1, 0.5f})};
  if (object.solid == Solid::Cylinder) object.half.z = object.half.x = object.half.x * 0.6f;
  if (object.solid == Solid::Ball && random.chance(0.5f)) {
    object.half = Vec3{1, 1, 1} * random.range(0.08f, 0.5f);
  }
  return object;
}

/// Adds objects on the floor or the wall behind, out of the person's reach.
void add_clutter(Vec3 camera, Room& room, Random& random) {
  const int count = random.chance(0.2f) ? 0 : random.below(13);
  for (int i = 0; i < count; ++i) {
    Object object = random_object(random);
    const float reach = 1.1f + object.half.x + object.half.z;
    const Vec3 at = around(camera, random.range(-1.2f, 1.2f), reach + random.range(0, 2.2f));
    const bool floats = random.chance(0.25f);  // a poster, a lamp, a shelf
    object.frame.origin = {at.x, floats ? random.range(0.8f, 2.3f) : object.half.y, at.z};
    room.objects.push_back(object);
  }
}

/// Adds posts and boxes between camera and person, at a side or up to the hips.
void add_occluder(Vec3 camera, Vec3 person, Room& room, Random& random) {
  Object object{.solid = random.chance(0.6f) ? Solid::Box : Solid::Cylinder,
                .frame = {.turn = z_to_x(random.range(0, 2 * kPi))},
                .material = random_paint(random, {5, 2, 1, 1, 1, 0.5f})};
  const bool post = random.chance(0.5f);
  const float half = post ? random.range(0.03f, 0.10f) : random.range(0.15f, 0.6f);
  object.half = {half, post ? 1.6f : random.range(0.12f, 0.42f),
                 post ? half : random.range(0.1f, 0.3f)};
  const Vec3 across = around(camera, kPi / 2, random.range(-0.45f, 0.45f));
  const Vec3 ahead = around(camera, kPi, 0.75f + half);
  object.frame.origin = {person.x + across.x + ahead.x, object.half.y,
                         person.z + across.z + ahead.z};
  room.objects.push_back(object);
}

void add_seat(const Skeleton& bones, Room& room, Random& random) {
  const Vec3 hips = bones.pelvis.to_world({0, -0.115f, -0.02f});
  const float top = std::max(hips.y, 0.05f);
  Object seat{.frame = {.turn = z_to_x(std::atan2(bones.pelvis.turn.z.x, bones.pelvis.turn.z.z)),
                        .origin = {hips.x, top / 2, hips.z}},
              .half = {random.range(0.19f, 0.5f), top / 2, random.range(0.16f, 0.24f)},
              .material = random_paint(random, {5, 2, 1, 1, 1, 0.5f})};
  seat.frame.origin = seat.frame.to_world({0, 0, -0.06f});
  if (random.chance(0.4f)) {  // a stool: only the top is wide
    seat.solid = Solid::Cylinder;
    seat.half.x = seat.half.z = 0.2f;
  }
  room.objects.push_back(seat);
}

}  // namespace

Room random_room(const Camera& camera, const Skeleton& bones, const Pose& pose, bool occluders,
                 Random& random) {
  Room room;
  room.outdoors = random.chance(0.35f);
  room.floor =
      random_paint(random, room.outdoors ? std::initializer_list<float>{2, 6, 0, 0, 0.5f, 1}
                                         : std::initializer_list<float>{3, 2, 4, 0.5f, 3, 0.5f});
  for (Material& wall : room.walls) wall = random_paint(random, {5, 3, 0.5f, 1.5f, 0.7f, 1.5f});
  for (float& distance : room.distance) distance = random.range(1.2f, 5.0f);
  room.height = random.range(2.4f, 3.6f);
  room.horizon = mix(Vec3{0.75f, 0.82f, 0.88f}, random_color(random), random.range(0, 0.4f));
  room.zenith = mix(Vec3{0.20f, 0.42f, 0.78f}, random_color(random), random.range(0, 0.4f));
  if (room.outdoors) {
    room.walls[0].color =
        mix(Vec3{0.08f, 0.15f, 0.06f}, random_color(random), random.range(0, 0.5f));
    if (random.chance(0.6f)) {
      room.floor.color = mix(Vec3{0.10f, 0.18f, 0.05f}, room.floor.color, 0.25f);
      room.floor.second = mix(Vec3{0.26f, 0.30f, 0.11f}, room.floor.second, 0.25f);
    }
  }
  if (pose.seated) add_seat(bones, room, random);
  add_clutter(camera.frame.origin, room, random);
  const bool occluded = random.chance(0.16f);
  if (occluded && occluders) {
    add_occluder(camera.frame.origin, bones.pelvis.origin, room, random);
  }
  return room;
}

Light random_light(const Room& room, Random& random) {
  const float azimuth = random.range(0, 2 * kPi);
  const float height = random.range(25, 75) * kDegree;
  const float strength = random.range(0.5f, 2.2f), warm = random.range(-0.15f, 0.25f);
  const float fill = random.range(0.35f, 0.9f);
  const Vec3 tint{1 + warm, 1, 1 - warm};
  return {.direction = {std::cos(height) * std::sin(azimuth), std::sin(height),
                        std::cos(height) * std::cos(azimuth)},
          .key = tint * strength,
          .sky = (room.outdoors ? Vec3{0.85f, 0.95f, 1.15f} : Vec3{1, 1, 1}) * fill,
          .ground = mix(Vec3{1, 1, 1}, room.floor.color, 0.7f) * (fill * 0.5f),
          .blur = random.range(0.015f, 0.06f)};
}

}  // namespace mannequin
