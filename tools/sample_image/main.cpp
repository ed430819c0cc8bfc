// Renders the images in samples/: people made of signed distances, without any third-party data.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "scene.hpp"
#include "write_jpeg.hpp"

namespace sample {
namespace {

// `mirror` is 1 for the arm or leg at the image's right and -1 for the other.
Arm hanging_arm(float mirror) {
  return {.shoulder = {0.180f * mirror, 1.415f, -0.015f},
          .elbow = {0.262f * mirror, 1.150f, -0.040f},
          .wrist = {0.288f * mirror, 0.915f, 0.045f},
          .side = {-0.25f * mirror, 0, 1}};
}

Leg standing_leg(float mirror) {
  return {.hip = {0.092f * mirror, 0.905f, 0},
          .knee = {0.118f * mirror, 0.500f, 0.022f},
          .ankle = {0.135f * mirror, 0.095f, -0.030f},
          .toe = {0.170f * mirror, 0.034f, 0.150f}};
}

Scene standing() {
  return {
      .person = {.arms = {hanging_arm(1), hanging_arm(-1)},
                 .legs = {standing_leg(1), standing_leg(-1)},
                 .head_turn = 0.10f,
                 .body_turn = 0.12f},
      .place = Place::Studio,
      .camera = {.position = {0.0f, 1.15f, 4.6f}, .target = {0, 0.88f, 0}, .half_height = 0.207f},
      .width = 960,
      .height = 1280};
}

Scene waving() {
  Person person{.arms = {hanging_arm(1), hanging_arm(-1)},
                .legs = {standing_leg(1), standing_leg(-1)},
                .head_turn = -0.25f,
                .body_turn = -0.20f,
                .long_hair = true,
                .skin = {0.72f, 0.47f, 0.35f},
                .hair = {0.16f, 0.075f, 0.030f},
                .shirt = {0.62f, 0.16f, 0.10f},
                .stripe = {0.62f, 0.16f, 0.10f},
                .trousers = {0.10f, 0.10f, 0.105f},
                .shoe = {0.10f, 0.22f, 0.20f}};
  person.arms[0] = {.shoulder = {0.185f, 1.430f, -0.015f},
                    .elbow = {0.390f, 1.560f, 0.050f},
                    .wrist = {0.395f, 1.800f, 0.115f},
                    .side = {-1, 0, 0.2f}};
  person.arms[1] = {.shoulder = {-0.182f, 1.415f, -0.015f},
                    .elbow = {-0.370f, 1.215f, -0.080f},
                    .wrist = {-0.205f, 1.045f, 0.040f},
                    .side = {0.2f, 1, 0.5f}};
  person.legs[1].knee = {-0.145f, 0.510f, 0.085f};
  person.legs[1].ankle = {-0.185f, 0.100f, 0.000f};
  person.legs[1].toe = {-0.260f, 0.034f, 0.165f};
  return {.person = person,
          .place = Place::Studio,
          .camera = {.position = {0.1f, 1.25f, 4.6f},
                     .target = {0.03f, 0.985f, 0},
                     .half_height = 0.234f},
          .width = 960,
          .height = 1280};
}

Scene walking() {
  Person person{.arms = {hanging_arm(1), hanging_arm(-1)},
                .legs = {standing_leg(1), standing_leg(-1)},
                .head_turn = -0.45f,
                .body_turn = 0.85f,
                .skin = {0.30f, 0.155f, 0.095f},
                .hair = {0.015f, 0.012f, 0.010f},
                .shirt = {0.72f, 0.55f, 0.12f},
                .stripe = {0.10f, 0.16f, 0.24f},
                .trousers = {0.16f, 0.14f, 0.10f},
                .shoe = {0.55f, 0.55f, 0.52f}};
  person.arms[0].elbow = {0.255f, 1.170f, 0.060f};
  person.arms[0].wrist = {0.225f, 1.010f, 0.250f};
  person.arms[1].elbow = {-0.255f, 1.175f, -0.140f};
  person.arms[1].wrist = {-0.270f, 0.945f, -0.130f};
  person.legs[0] = {.hip = {0.092f, 0.905f, 0},
                    .knee = {0.105f, 0.520f, -0.060f},
                    .ankle = {0.110f, 0.165f, -0.300f},
                    .toe = {0.120f, 0.034f, -0.170f}};
  person.legs[1] = {.hip = {-0.092f, 0.905f, 0},
                    .knee = {-0.105f, 0.535f, 0.190f},
                    .ankle = {-0.110f, 0.105f, 0.255f},
                    .toe = {-0.120f, 0.040f, 0.430f}};
  return {.person = person,
          .place = Place::Meadow,
          .camera = {.position = {0.45f, 1.25f, 5.0f},
                     .target = {0.25f, 0.87f, 0},
                     .half_height = 0.203f},
          .width = 1440,
          .height = 960};
}

bool write(Scene scene, const std::filesystem::path& path, int shrink) {
  scene.width /= shrink;
  scene.height /= shrink;
  return write_jpeg(path, render(scene), scene.width, scene.height);
}

}  // namespace
}  // namespace sample

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: %s FOLDER [SHRINK]\n", argv[0]);
    return 2;
  }
  const std::filesystem::path folder(argv[1]);
  const int shrink = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1;
  const bool written = sample::write(sample::standing(), folder / "person.jpg", shrink) &&
                       sample::write(sample::waving(), folder / "waving.jpg", shrink) &&
                       sample::write(sample::walking(), folder / "walking.jpg", shrink);
  if (!written) std::fprintf(stderr, "cannot write to %s\n", argv[1]);
  return written ? 0 : 1;
}
