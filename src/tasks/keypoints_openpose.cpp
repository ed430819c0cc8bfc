// OpenPose's layouts: COCO's 17 points with a neck (18), and with the middle of the hips and feet
// (BODY_25). Points of COCO keep its sigmas; necks and middles have those of the points that they
// lie between.
#include "tasks/keypoint_sets.hpp"

namespace sapiens {
namespace {

// clang-format off
constexpr KeypointInfo kPoints18[] = {
    {"nose", {255, 0, 0}, 0, BodyPart::Upper, 0.026f, 1.0f},
    {"neck", {255, 85, 0}, 1, BodyPart::Upper, 0.079f, 1.0f},
    {"right_shoulder", {255, 170, 0}, 5, BodyPart::Upper, 0.079f, 1.0f},
    {"right_elbow", {255, 255, 0}, 6, BodyPart::Upper, 0.072f, 1.0f},
    {"right_wrist", {170, 255, 0}, 7, BodyPart::Upper, 0.062f, 1.0f},
    {"left_shoulder", {85, 255, 0}, 2, BodyPart::Upper, 0.079f, 1.0f},
    {"left_elbow", {0, 255, 0}, 3, BodyPart::Upper, 0.072f, 1.0f},
    {"left_wrist", {0, 255, 85}, 4, BodyPart::Upper, 0.062f, 1.0f},
    {"right_hip", {0, 255, 170}, 11, BodyPart::Lower, 0.107f, 1.0f},
    {"right_knee", {0, 255, 255}, 12, BodyPart::Lower, 0.087f, 1.0f},
    {"right_ankle", {0, 170, 255}, 13, BodyPart::Lower, 0.089f, 1.0f},
    {"left_hip", {0, 85, 255}, 8, BodyPart::Lower, 0.107f, 1.0f},
    {"left_knee", {0, 0, 255}, 9, BodyPart::Lower, 0.087f, 1.0f},
    {"left_ankle", {85, 0, 255}, 10, BodyPart::Lower, 0.089f, 1.0f},
    {"right_eye", {170, 0, 255}, 15, BodyPart::Upper, 0.025f, 1.0f},
    {"left_eye", {255, 0, 255}, 14, BodyPart::Upper, 0.025f, 1.0f},
    {"right_ear", {255, 0, 170}, 17, BodyPart::Upper, 0.035f, 1.0f},
    {"left_ear", {255, 0, 85}, 16, BodyPart::Upper, 0.035f, 1.0f},
};
// clang-format on

// clang-format off
constexpr SkeletonLink kSkeleton18[] = {
    {1, 2, {255, 0, 0}},
    {1, 5, {255, 85, 0}},
    {2, 3, {255, 170, 0}},
    {3, 4, {255, 255, 0}},
    {5, 6, {170, 255, 0}},
    {6, 7, {85, 255, 0}},
    {1, 8, {0, 255, 0}},
    {8, 9, {0, 255, 85}},
    {9, 10, {0, 255, 170}},
    {1, 11, {0, 255, 225}},
    {11, 12, {0, 170, 255}},
    {12, 13, {0, 85, 255}},
    {1, 0, {0, 0, 255}},
    {0, 14, {255, 0, 170}},
    {14, 16, {170, 0, 255}},
    {0, 15, {255, 0, 255}},
    {15, 17, {255, 0, 170}},
};
// clang-format on

// clang-format off
constexpr KeypointInfo kPoints25[] = {
    {"nose", {255, 0, 0}, 0, BodyPart::Upper, 0.026f, 1.0f},
    {"neck", {255, 85, 0}, 1, BodyPart::Upper, 0.079f, 1.0f},
    {"right_shoulder", {255, 170, 0}, 5, BodyPart::Upper, 0.079f, 1.0f},
    {"right_elbow", {255, 255, 0}, 6, BodyPart::Upper, 0.072f, 1.0f},
    {"right_wrist", {170, 255, 0}, 7, BodyPart::Upper, 0.062f, 1.0f},
    {"left_shoulder", {85, 255, 0}, 2, BodyPart::Upper, 0.079f, 1.0f},
    {"left_elbow", {0, 255, 0}, 3, BodyPart::Upper, 0.072f, 1.0f},
    {"left_wrist", {0, 255, 85}, 4, BodyPart::Upper, 0.062f, 1.0f},
    {"mid_hip", {128, 255, 128}, 8, BodyPart::Lower, 0.107f, 1.0f},
    {"right_hip", {0, 255, 170}, 12, BodyPart::Lower, 0.107f, 1.0f},
    {"right_knee", {0, 255, 255}, 13, BodyPart::Lower, 0.087f, 1.0f},
    {"right_ankle", {0, 170, 255}, 14, BodyPart::Lower, 0.089f, 1.0f},
    {"left_hip", {0, 85, 255}, 9, BodyPart::Lower, 0.107f, 1.0f},
    {"left_knee", {0, 0, 255}, 10, BodyPart::Lower, 0.087f, 1.0f},
    {"left_ankle", {85, 0, 255}, 11, BodyPart::Lower, 0.089f, 1.0f},
    {"right_eye", {170, 0, 255}, 16, BodyPart::Upper, 0.025f, 1.0f},
    {"left_eye", {255, 0, 255}, 15, BodyPart::Upper, 0.025f, 1.0f},
    {"right_ear", {255, 0, 170}, 18, BodyPart::Upper, 0.035f, 1.0f},
    {"left_ear", {255, 0, 85}, 17, BodyPart::Upper, 0.035f, 1.0f},
    {"left_big_toe", {85, 85, 255}, 22, BodyPart::Lower, 0.068f, 1.0f},
    {"left_small_toe", {128, 128, 255}, 23, BodyPart::Lower, 0.066f, 1.0f},
    {"left_heel", {128, 0, 255}, 24, BodyPart::Lower, 0.066f, 1.0f},
    {"right_big_toe", {0, 200, 255}, 19, BodyPart::Lower, 0.092f, 1.0f},
    {"right_small_toe", {85, 215, 255}, 20, BodyPart::Lower, 0.094f, 1.0f},
    {"right_heel", {0, 140, 200}, 21, BodyPart::Lower, 0.094f, 1.0f},
};
// clang-format on

// clang-format off
constexpr SkeletonLink kSkeleton25[] = {
    {1, 8, {128, 255, 128}},
    {1, 2, {255, 170, 0}},
    {1, 5, {85, 255, 0}},
    {2, 3, {255, 255, 0}},
    {3, 4, {170, 255, 0}},
    {5, 6, {0, 255, 0}},
    {6, 7, {0, 255, 85}},
    {8, 9, {0, 255, 170}},
    {9, 10, {0, 255, 255}},
    {10, 11, {0, 170, 255}},
    {8, 12, {0, 85, 255}},
    {12, 13, {0, 0, 255}},
    {13, 14, {85, 0, 255}},
    {1, 0, {255, 0, 0}},
    {0, 15, {170, 0, 255}},
    {15, 17, {255, 0, 170}},
    {0, 16, {255, 0, 255}},
    {16, 18, {255, 0, 85}},
    {14, 19, {85, 85, 255}},
    {19, 20, {128, 128, 255}},
    {14, 21, {128, 0, 255}},
    {11, 22, {0, 200, 255}},
    {22, 23, {85, 215, 255}},
    {11, 24, {0, 140, 200}},
};
// clang-format on

}  // namespace

const KeypointSet kOpenPose18Keypoints = {
    .dataset = "openpose18", .keypoints = kPoints18, .skeleton = kSkeleton18};

const KeypointSet kOpenPose25Keypoints = {
    .dataset = "openpose25", .keypoints = kPoints25, .skeleton = kSkeleton25};

}  // namespace sapiens
