#include "sample.hpp"

#include "sensor.hpp"

namespace mannequin {
namespace {

struct Person {
  Body body;
  Pose pose;
  Skeleton bones;
  Look look;
};

Person random_person(std::uint64_t seed, std::uint64_t index) {
  Random bodies(seed, index, Aspect::Body), poses(seed, index, Aspect::Pose);
  Random looks(seed, index, Aspect::Look);
  Person person{.body = random_body(bodies), .pose = {}, .bones = {}, .look = {}};
  // Most poses are possible; one that still collides after the last trial is used anyway.
  for (int trial = 0; trial < 60; ++trial) {
    person.pose = random_pose(poses);
    person.bones = posed(person.body, person.pose);
    if (!person.bones.collides(person.body)) break;
  }
  person.look = random_look(person.body, looks);
  return person;
}

// In smaller images lips cover a pixel or two and cannot be learned, while mIoU weights every class
// equally.
constexpr int kMinHeightOfLips = 512;

void close_lips(std::vector<std::uint8_t>& labels) {
  for (std::uint8_t& label : labels) {
    if (label == kLowerLip || label == kUpperLip) label = kFaceNeck;
  }
}

sapiens::Box tight_box(const std::vector<std::uint8_t>& labels, int width, int height) {
  int left = width, top = height, right = -1, bottom = -1;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      if (labels[static_cast<std::size_t>(y * width + x)] == kBackground) continue;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  }
  if (right < 0) return {};
  return {.x = real(left),
          .y = real(top),
          .width = real(right - left + 1),
          .height = real(bottom - top + 1)};
}

Rendering render_scene(std::uint64_t seed, std::uint64_t index, const Person& person,
                       const Figure& figure, const Camera& camera, View view) {
  Random lights(seed, index, Aspect::Light);
  for (const bool occluders : {view == View::Any, false}) {
    Random rooms(seed, index, Aspect::Room);
    const Room room = random_room(camera, person.bones, person.pose, occluders, rooms);
    const Light light = random_light(room, lights);
    Rendering scene = render(figure, room, light, camera);
    const auto seen =
        scene.label.size() -
        static_cast<std::size_t>(std::count(scene.label.begin(), scene.label.end(), kBackground));
    // A person who is almost hidden is useless for training.
    if (!occluders || seen * 20 > scene.label.size()) return scene;
  }
  return {};
}

}  // namespace

Sample make_sample(std::uint64_t seed, std::uint64_t index, int width, int height, View view) {
  const Person person = random_person(seed, index);
  const Figure figure = dressed(person.body, person.pose, person.bones, person.look);
  Random cameras(seed, index, Aspect::Camera), sensors(seed, index, Aspect::Sensor);
  Sample sample;
  sample.camera = random_camera(figure, person.bones, width, height, view, cameras);
  Rendering seen = render_scene(seed, index, person, figure, sample.camera, view);
  sample.keypoints = find_keypoints(person.body, person.bones, sample.camera, seen);
  if (height < kMinHeightOfLips) close_lips(seen.label);
  sample.box = tight_box(seen.label, width, height);
  sample.normals.reserve(seen.normal.size() * 3);
  for (const Vec3& n : seen.normal) {
    sample.normals.insert(sample.normals.end(), {n.x, n.y, n.z});
  }
  for (const std::uint8_t label : seen.label) sample.area += label != kBackground;
  sample.image = {.width = width,
                  .height = height,
                  .rgb = develop(std::move(seen.color), width, height, sensors)};
  sample.labels = std::move(seen.label);
  sample.depth = std::move(seen.depth);
  return sample;
}

}  // namespace mannequin
