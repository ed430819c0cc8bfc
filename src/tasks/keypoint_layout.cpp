#include "sapiens/keypoint_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "sapiens/error.hpp"
#include "tasks/keypoint_sets.hpp"

namespace sapiens {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"coco17", "coco133", "openpose18",
                                                    "openpose25"};

/// In the order of `kNames`.
constexpr const KeypointSet* kSets[] = {&kCocoKeypoints, &kCocoWholeBodyKeypoints,
                                        &kOpenPose18Keypoints, &kOpenPose25Keypoints};

/// A point of a layout that lies between two others.
struct Middle {
  std::string_view name, a, b;
};

constexpr Middle kMiddles[] = {{"neck", "left_shoulder", "right_shoulder"},
                               {"mid_hip", "left_hip", "right_hip"}};

const KeypointSet& find_layout(std::string_view layout) {
  const auto name = std::ranges::find(kNames, layout);
  if (name != kNames.end()) return *kSets[name - kNames.begin()];
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the keypoint layout is unknown",
               .expected = fmt::format("one of {}", fmt::join(kNames, ", ")),
               .actual = std::string(layout)});
}

int index_of(const KeypointSet& set, std::string_view name) {
  const auto point = std::ranges::find(set.keypoints, name, &KeypointInfo::name);
  return point == set.keypoints.end() ? -1 : static_cast<int>(point - set.keypoints.begin());
}

/// COCO's layouts have neither of these points, so only OpenPose's contain averages of two points.
Middle origin_of(std::string_view name) {
  const auto* middle = std::ranges::find(kMiddles, name, &Middle::name);
  return middle == std::end(kMiddles) ? Middle{name, name, name} : *middle;
}

}  // namespace

std::span<const std::string_view> keypoint_layouts() noexcept { return kNames; }

KeypointConversion KeypointConversion::make(const KeypointSet& from, std::string_view layout) {
  KeypointConversion conversion(from, find_layout(layout));
  if (std::ranges::find(conversion.present_, true) == conversion.present_.end()) {
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = fmt::format("these keypoints share no point with {}", layout),
         .expected = fmt::format("names such as {}", conversion.to().keypoints[0].name),
         .actual = from.keypoints.empty() ? std::string("no points")
                                          : fmt::format("{} points: {} ...", from.keypoints.size(),
                                                        from.keypoints[0].name)});
  }
  return conversion;
}

KeypointConversion::KeypointConversion(const KeypointSet& from, const KeypointSet& to)
    : to_(&to), source_points_(from.keypoints.size()) {
  for (const KeypointInfo& point : to.keypoints) {
    const Middle origin = origin_of(point.name);
    const Source source{index_of(from, origin.a), index_of(from, origin.b)};
    sources_.push_back(source);
    present_.push_back(source.a >= 0 && source.b >= 0);
  }
}

Pose KeypointConversion::operator()(const Pose& pose) const {
  if (pose.keypoints.size() != source_points_) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the pose does not have the points of the source set",
                 .expected = fmt::format("{} points", source_points_),
                 .actual = fmt::format("{} points", pose.keypoints.size())});
  }
  Pose converted{.box = pose.box, .keypoints = std::vector<Keypoint>(sources_.size())};
  for (std::size_t k = 0; k < sources_.size(); ++k) {
    if (!present_[k]) continue;
    const Keypoint& a = pose.keypoints[static_cast<std::size_t>(sources_[k].a)];
    const Keypoint& b = pose.keypoints[static_cast<std::size_t>(sources_[k].b)];
    // This is exact where both are the same point.
    converted.keypoints[k] = {a.x / 2 + b.x / 2, a.y / 2 + b.y / 2, std::min(a.score, b.score)};
  }
  return converted;
}

std::vector<Pose> KeypointConversion::operator()(std::span<const Pose> poses) const {
  std::vector<Pose> converted;
  std::ranges::transform(poses, std::back_inserter(converted),
                         [this](const Pose& pose) { return (*this)(pose); });
  return converted;
}

const KeypointSet* find_keypoint_set(Index count) noexcept {
  for (const KeypointSet* set : {&kCocoKeypoints, &kCocoWholeBodyKeypoints, &kGoliathKeypoints}) {
    if (std::ssize(set->keypoints) == count) return set;
  }
  return nullptr;
}

std::vector<int> flip_partners(const KeypointSet& set) {
  std::vector<int> partners;
  std::transform(set.keypoints.begin(), set.keypoints.end(), std::back_inserter(partners),
                 [](const KeypointInfo& point) { return point.mirror; });
  return partners;
}

}  // namespace sapiens
