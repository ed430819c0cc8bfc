#include "body.hpp"

namespace mannequin {

Body random_body(Random& random) {
  Body body;
  const bool child = random.chance(0.12f);
  const float height = child ? random.range(1.05f, 1.45f) : random.around(1.71f, 0.15f);
  body.scale = height / 1.75f;
  body.girth = std::max(0.82f, random.around(1.02f, 0.16f));
  body.belly = std::max(0.92f, random.around(0.96f + 0.35f * (body.girth - 1), 0.10f));
  body.curves = child ? 0.0f : (random.chance(0.5f) ? random.range(0.45f, 1.0f) : 0.0f);
  body.head = child ? mix(1.28f, 1.05f, (height - 1.05f) / 0.4f) : mix(1.03f, 0.97f, random.unit());

  const auto sized = [&](float metres) { return metres * body.scale * random.around(1, 0.05f); };
  body.hip_half = sized(0.088f + 0.006f * body.curves);
  body.pelvis = sized(0.13f);
  body.spine = sized(0.15f);
  body.chest = sized(0.25f);
  body.neck = sized(0.075f);
  body.shoulder_half = sized(0.182f - 0.018f * body.curves);
  body.upper_arm = sized(0.285f);
  body.forearm = sized(0.250f);
  body.hand = sized(0.185f);
  body.thigh = sized(0.425f);
  body.shin = sized(0.415f);
  body.ankle_height = sized(0.078f);
  body.foot = sized(0.255f);
  return body;
}

}  // namespace mannequin
