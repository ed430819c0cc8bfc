// Made by tools/make_label_tables.py.
#include <iterator>

#include "sapiens/labels.hpp"

namespace sapiens {
namespace {

// clang-format off
constexpr SegClass k28Classes[] = {
    {"Background", {50, 50, 50}, 0},
    {"Apparel", {255, 218, 0}, 1},
    {"Face_Neck", {128, 200, 255}, 2},
    {"Hair", {255, 0, 109}, 3},
    {"Left_Foot", {189, 0, 204}, 13},
    {"Left_Hand", {255, 0, 218}, 14},
    {"Left_Lower_Arm", {0, 160, 204}, 15},
    {"Left_Lower_Leg", {0, 255, 145}, 16},
    {"Left_Shoe", {204, 0, 131}, 17},
    {"Left_Sock", {182, 0, 255}, 18},
    {"Left_Upper_Arm", {255, 109, 0}, 19},
    {"Left_Upper_Leg", {0, 255, 255}, 20},
    {"Lower_Clothing", {72, 0, 255}, 12},
    {"Right_Foot", {204, 131, 0}, 4},
    {"Right_Hand", {255, 0, 0}, 5},
    {"Right_Lower_Arm", {72, 255, 0}, 6},
    {"Right_Lower_Leg", {189, 204, 0}, 7},
    {"Right_Shoe", {182, 255, 0}, 8},
    {"Right_Sock", {102, 0, 204}, 9},
    {"Right_Upper_Arm", {32, 72, 204}, 10},
    {"Right_Upper_Leg", {0, 145, 255}, 11},
    {"Torso", {14, 204, 0}, 21},
    {"Upper_Clothing", {0, 128, 72}, 22},
    {"Lower_Lip", {235, 205, 119}, 23},
    {"Upper_Lip", {115, 227, 112}, 24},
    {"Lower_Teeth", {157, 113, 143}, 25},
    {"Upper_Teeth", {132, 93, 50}, 26},
    {"Tongue", {82, 21, 114}, 27},
};
// clang-format on

// clang-format off
constexpr SegClass k20Classes[] = {
    {"Background", {0, 0, 0}, 0},
    {"Hat", {128, 0, 0}, 1},
    {"Hair", {255, 0, 0}, 2},
    {"Glove", {0, 85, 0}, 3},
    {"Sunglasses", {170, 0, 51}, 4},
    {"UpperClothes", {255, 85, 0}, 5},
    {"Dress", {0, 0, 85}, 6},
    {"Coat", {0, 119, 221}, 7},
    {"Socks", {85, 85, 0}, 8},
    {"Pants", {0, 85, 85}, 9},
    {"Jumpsuits", {85, 51, 0}, 10},
    {"Scarf", {52, 86, 128}, 11},
    {"Skirt", {0, 128, 0}, 12},
    {"Face", {0, 0, 255}, 13},
    {"Left-arm", {51, 170, 221}, 15},
    {"Right-arm", {0, 255, 255}, 14},
    {"Left-leg", {85, 255, 170}, 17},
    {"Right-leg", {170, 255, 85}, 16},
    {"Left-shoe", {255, 255, 0}, 19},
    {"Right-shoe", {255, 170, 0}, 18},
};
// clang-format on

// clang-format off
constexpr SegClass k19Classes[] = {
    {"Background", {0, 0, 0}, 0},
    {"Skin", {128, 200, 255}, 1},
    {"Nose", {255, 200, 150}, 2},
    {"Right_eye", {0, 255, 127}, 4},
    {"Left_eye", {255, 99, 71}, 3},
    {"Right_brow", {30, 144, 255}, 6},
    {"Left_brow", {255, 140, 0}, 5},
    {"Right_ear", {238, 130, 238}, 8},
    {"Left_ear", {255, 215, 0}, 7},
    {"Mouth_interior", {82, 21, 114}, 9},
    {"Top_lip", {115, 227, 112}, 10},
    {"Bottom_lip", {235, 205, 119}, 11},
    {"Neck", {255, 182, 193}, 12},
    {"Hair", {255, 0, 109}, 13},
    {"Beard", {169, 169, 169}, 14},
    {"Clothing", {0, 128, 72}, 15},
    {"Glasses", {0, 70, 130}, 16},
    {"Headwear", {255, 215, 0}, 17},
    {"Facewear", {75, 0, 130}, 18},
};
// clang-format on

constexpr SegClassSet kSegClassSets[] = {
    {"goliath", k28Classes},
    {"lip_and_cihp", k20Classes},
    {"seg_face (FaceSynthetics)", k19Classes},
};

}  // namespace

const SegClassSet* find_seg_classes(Index count) noexcept {
  for (const SegClassSet& set : kSegClassSets) {
    if (std::ssize(set.classes) == count) return &set;
  }
  return nullptr;
}

}  // namespace sapiens
