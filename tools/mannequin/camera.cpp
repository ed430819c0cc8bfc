#include "camera.hpp"

namespace mannequin {
namespace {

Frame looking_at(Vec3 target, float distance, float yaw, float pitch, float roll) {
  const Rotation turn = z_to_x(yaw) * y_to_z(pitch) * x_to_y(roll);
  return {turn, target + turn.z * distance};
}

struct Rectangle {
  float left = 1e9f, top = 1e9f, right = -1e9f, bottom = -1e9f;
};

/// The rectangle around the projected figure, at the camera's focal length and center.
Rectangle outline(const Figure& figure, const Camera& camera) {
  Rectangle all;
  for (const Group& group : figure.groups()) {
    const Projected at = camera.project(group.center);
    // Most bounding spheres are wider than the limbs that they contain.
    const float r = 0.7f * camera.focal * group.radius / at.depth;
    all = {std::min(all.left, at.x - r), std::min(all.top, at.y - r), std::max(all.right, at.x + r),
           std::max(all.bottom, at.y + r)};
  }
  return all;
}

void frame_all(const Rectangle& seen, View view, Camera& camera, Random& random) {
  const float width = real(camera.width), height = real(camera.height);
  const float fit = std::min(width / (seen.right - seen.left), height / (seen.bottom - seen.top));
  camera.focal =
      fit * (view == View::Front ? random.range(0.95f, 1.05f) : random.range(0.72f, 1.0f));
  const float x = (seen.left + seen.right) / 2 * camera.focal;
  const float y = (seen.top + seen.bottom) / 2 * camera.focal;
  camera.cx = width / 2 - 0.5f - x + random.around(0, 0.04f) * width;
  camera.cy = height / 2 - 0.5f - y + random.around(0, 0.03f) * height;
}

/// Moves the frame closer, around the upper or the lower half of the body.
void frame_part(const Skeleton& bones, const Rectangle& seen, Camera& camera, Random& random) {
  const float width = real(camera.width), height = real(camera.height);
  const float fit = std::min(width / (seen.right - seen.left), height / (seen.bottom - seen.top));
  const Vec3 centers[] = {bones.chest.origin, bones.spine.origin, bones.neck.origin,
                          bones.pelvis.origin};
  const Projected center = camera.project(centers[random.pick({4, 3, 1.5f, 1})]);
  camera.focal = fit * random.range(1.15f, 2.1f);
  camera.cx = width / 2 - 0.5f - center.x * camera.focal + random.around(0, 0.06f) * width;
  camera.cy = height / 2 - 0.5f - center.y * camera.focal + random.around(0, 0.06f) * height;
}

}  // namespace

Camera random_camera(const Figure& figure, const Skeleton& bones, int width, int height, View view,
                     Random& random) {
  const bool front = view == View::Front;
  const float yaw = front                 ? random.around(0, 30)
                    : random.chance(0.6f) ? random.around(0, 55)
                                          : random.range(-180, 180);
  const float pitch = front ? random.around(5, 6) : random.around(8, 13);
  const float distance = 2.3f * std::exp2(random.range(0, 2));
  Camera camera{.frame = looking_at(bones.spine.origin, distance, yaw * kDegree, pitch * kDegree,
                                    random.around(0, 5) * kDegree),
                .width = width,
                .height = height};
  // The camera stays above the floor.
  camera.frame.origin.y = std::max(camera.frame.origin.y, 0.15f);
  // At this point the focal length is 1 and the optical axis at 0, 0.
  const Rectangle seen = outline(figure, camera);
  if (front || random.chance(0.78f)) {
    frame_all(seen, view, camera, random);
  } else {
    frame_part(bones, seen, camera, random);
  }
  return camera;
}

}  // namespace mannequin
