// Made by tools/make_label_tables.py.
#include "tasks/keypoint_sets.hpp"

namespace sapiens {
namespace {

// clang-format off
constexpr KeypointInfo kKeypoints17[] = {
    {"nose", {51, 153, 255}, 0, BodyPart::Upper, 0.026f, 1.0f},
    {"left_eye", {51, 153, 255}, 2, BodyPart::Upper, 0.025f, 1.0f},
    {"right_eye", {51, 153, 255}, 1, BodyPart::Upper, 0.025f, 1.0f},
    {"left_ear", {51, 153, 255}, 4, BodyPart::Upper, 0.035f, 1.0f},
    {"right_ear", {51, 153, 255}, 3, BodyPart::Upper, 0.035f, 1.0f},
    {"left_shoulder", {0, 255, 0}, 6, BodyPart::Upper, 0.079f, 1.0f},
    {"right_shoulder", {255, 128, 0}, 5, BodyPart::Upper, 0.079f, 1.0f},
    {"left_elbow", {0, 255, 0}, 8, BodyPart::Upper, 0.072f, 1.2f},
    {"right_elbow", {255, 128, 0}, 7, BodyPart::Upper, 0.072f, 1.2f},
    {"left_wrist", {0, 255, 0}, 10, BodyPart::Upper, 0.062f, 1.5f},
    {"right_wrist", {255, 128, 0}, 9, BodyPart::Upper, 0.062f, 1.5f},
    {"left_hip", {0, 255, 0}, 12, BodyPart::Lower, 0.107f, 1.0f},
    {"right_hip", {255, 128, 0}, 11, BodyPart::Lower, 0.107f, 1.0f},
    {"left_knee", {0, 255, 0}, 14, BodyPart::Lower, 0.087f, 1.2f},
    {"right_knee", {255, 128, 0}, 13, BodyPart::Lower, 0.087f, 1.2f},
    {"left_ankle", {0, 255, 0}, 16, BodyPart::Lower, 0.089f, 1.5f},
    {"right_ankle", {255, 128, 0}, 15, BodyPart::Lower, 0.089f, 1.5f},
};
// clang-format on

// clang-format off
constexpr SkeletonLink kSkeleton17[] = {
    {15, 13, {0, 255, 0}},
    {13, 11, {0, 255, 0}},
    {16, 14, {255, 128, 0}},
    {14, 12, {255, 128, 0}},
    {11, 12, {51, 153, 255}},
    {5, 11, {51, 153, 255}},
    {6, 12, {51, 153, 255}},
    {5, 6, {51, 153, 255}},
    {5, 7, {0, 255, 0}},
    {6, 8, {255, 128, 0}},
    {7, 9, {0, 255, 0}},
    {8, 10, {255, 128, 0}},
    {1, 2, {51, 153, 255}},
    {0, 1, {51, 153, 255}},
    {0, 2, {51, 153, 255}},
    {1, 3, {51, 153, 255}},
    {2, 4, {51, 153, 255}},
    {3, 5, {51, 153, 255}},
    {4, 6, {51, 153, 255}},
};
// clang-format on

}  // namespace

const KeypointSet kCocoKeypoints = {
    .dataset = "coco", .keypoints = kKeypoints17, .skeleton = kSkeleton17};

}  // namespace sapiens
