#include "dress.hpp"

namespace mannequin {

Figure dressed(const Body& body, const Pose& pose, const Skeleton& bones, const Look& look) {
  Figure figure;
  const Dressing dressing{body, pose, bones, look, figure};
  add_skin(dressing);
  add_skin_of_head(dressing);
  add_lower_clothes(dressing);
  add_upper_clothes(dressing);
  add_footwear(dressing);
  add_hair(dressing);
  add_features(dressing);
  add_headwear(dressing);
  add_apparel(dressing);
  return figure;
}

}  // namespace mannequin
