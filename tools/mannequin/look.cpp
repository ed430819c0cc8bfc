#include "look.hpp"

namespace mannequin {
namespace {

Vec3 random_skin(Random& random) {
  constexpr Vec3 kTones[] = {{0.80f, 0.56f, 0.45f},   {0.68f, 0.43f, 0.32f},
                             {0.52f, 0.31f, 0.205f},  {0.34f, 0.185f, 0.115f},
                             {0.17f, 0.085f, 0.052f}, {0.085f, 0.045f, 0.030f}};
  const float where = random.range(0, 4.999f);
  const int step = static_cast<int>(where);
  const Vec3 tone = mix(kTones[step], kTones[step + 1], where - real(step));
  return tone * Vec3{random.around(1, 0.08f), random.around(1, 0.05f), random.around(1, 0.08f)};
}

Vec3 random_hair_color(Random& random) {
  constexpr Vec3 kColors[] = {{0.012f, 0.010f, 0.009f}, {0.05f, 0.026f, 0.015f},
                              {0.13f, 0.065f, 0.030f},  {0.42f, 0.27f, 0.12f},
                              {0.26f, 0.075f, 0.025f},  {0.42f, 0.41f, 0.40f}};
  if (random.chance(0.04f)) return random_color(random);
  return kColors[random.pick({4, 4, 3, 2, 1, 1.2f})] * random.range(0.75f, 1.25f);
}

void choose_head(const Body& body, Look& look, Random& random) {
  const Vec3 skin = random_skin(random);
  look.skin = {.pattern = Pattern::Skin, .color = skin, .gloss = 0.10f};
  const Vec3 hair = random_hair_color(random);
  const bool man = body.curves == 0 && body.scale > 0.9f;
  look.face = {.pattern = Pattern::Skin,
               .color = skin,
               .second = mix(skin, hair, 0.6f),
               .size = 0,
               .gloss = 0.12f,
               .beard = man && random.chance(0.45f) ? random.unit() : 0.0f};
  look.lips = {.color = skin * Vec3{0.84f, 0.50f, 0.52f}, .gloss = 0.2f};
  constexpr Vec3 kIris[] = {{0.06f, 0.03f, 0.012f}, {0.10f, 0.16f, 0.28f}, {0.10f, 0.15f, 0.07f}};
  look.eye = {.pattern = Pattern::Eye, .color = kIris[random.pick({4, 1, 1})], .gloss = 0.4f};
  look.brows = {.color = hair * 0.8f};
  look.hair = {
      .pattern = Pattern::Strands, .color = hair * 0.7f, .second = hair * 1.35f, .gloss = 0.15f};
  look.hair_style = body.curves > 0
                        ? static_cast<HairStyle>(random.pick({0.2f, 0.5f, 2, 6, 2, 2.5f, 1.5f}))
                        : static_cast<HairStyle>(random.pick({1.2f, 2.5f, 6, 0.6f, 0.1f, 0.3f, 1}));
  look.headwear = static_cast<Headwear>(random.pick({8, 1, 0.8f, 0.6f}));
  look.headwear_cloth = random_cloth(random, 0.25f);
  look.smile = random.range(-0.002f, 0.008f);
}

void choose_top(const Body& body, Look& look, Random& random) {
  look.top = static_cast<Top>(random.pick({body.curves > 0 ? 0.0f : 0.6f, 1.4f, 8, 2.2f}));
  look.top_cloth = random_cloth(random, 0.5f);
  look.top_ease = random.range(0.012f, 0.030f);
  look.hem = random.range(-0.07f, 0.05f);
  look.neckline = random.range(0.060f, 0.105f);
  switch (look.top) {
    case Top::Bare:
      break;
    case Top::Sleeveless:
      look.sleeve = 0;
      look.top_ease = random.range(0.010f, 0.016f);
      if (random.chance(0.3f)) look.hem = random.range(0.14f, 0.20f);
      break;
    case Top::Shirt:
      look.sleeve = random.chance(0.5f) ? random.range(0.35f, 0.9f) : random.range(1.2f, 1.95f);
      break;
    case Top::Coat:
      look.sleeve = random.range(1.85f, 2.0f);
      look.top_ease = random.range(0.028f, 0.045f);
      look.hem = random.range(-0.26f, -0.02f);
      look.neckline = random.range(0.056f, 0.07f);
      look.hood = random.chance(0.4f);
      break;
  }
}

void choose_bottom(const Body& body, Look& look, Random& random) {
  look.bottom = static_cast<Bottom>(random.pick({6, 3, body.curves > 0 ? 4.0f : 0.0f}));
  look.bottom_cloth = random_cloth(random, look.bottom == Bottom::Skirt ? 0.5f : 0.2f);
  switch (look.bottom) {
    case Bottom::Trousers:
      look.leg = random.range(1.78f, 1.97f);
      look.bottom_ease = random.range(0.006f, 0.024f);
      look.flare = random.chance(0.25f) ? random.range(0.01f, 0.04f) : 0.0f;
      break;
    case Bottom::Shorts:
      look.leg = random.chance(0.8f) ? random.range(0.35f, 1.02f) : random.range(1.1f, 1.5f);
      look.bottom_ease = random.range(0.006f, 0.028f);
      break;
    case Bottom::Skirt:
      look.leg = random.range(0.5f, 1.4f);
      look.bottom_ease = random.range(0.010f, 0.02f);
      look.flare = random.range(0.02f, 0.07f);
      break;
  }
}

void choose_feet(Look& look, Random& random) {
  look.footwear = static_cast<Footwear>(random.pick({2.6f, 1.2f, 6, 1.5f}));
  look.sock_cloth = random_cloth(random, 0.3f);
  look.sock = random.chance(0.65f) ? random.range(0.18f, 0.6f) : 0.0f;
  if (look.footwear == Footwear::Bare || look.footwear == Footwear::Boots) look.sock = 0;
  if (look.footwear == Footwear::Socks) look.sock = std::max(look.sock, 0.2f);
  look.shoe = random_cloth(random, 0.1f);
  look.shoe.gloss = random.range(0, 0.35f);
  look.sole = {.color = random.chance(0.5f) ? Vec3{0.75f, 0.74f, 0.70f} : look.shoe.color * 0.4f};
}

}  // namespace

Look random_look(const Body& body, Random& random) {
  Look look;
  choose_head(body, look, random);
  choose_top(body, look, random);
  choose_bottom(body, look, random);
  choose_feet(look, random);
  look.belt = look.hem > 0.02f && random.chance(0.5f);
  look.scarf = look.top != Top::Bare && random.chance(0.08f);
  look.backpack = look.top != Top::Bare && random.chance(0.10f);
  look.bag = random.chance(0.06f);
  look.bracelet = {random.chance(0.25f), random.chance(0.12f)};
  look.extras = random_cloth(random, 0.2f);
  return look;
}

}  // namespace mannequin
