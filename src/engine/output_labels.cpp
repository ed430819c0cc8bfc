#include "engine/output_labels.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/mirror_partners.hpp"
#include "write/class_look.hpp"

namespace sapiens {
namespace {

constexpr Rgb kPlain = {51, 153, 255};  // of points and links to which the file gives no colour

}  // namespace

OutputLabels::OutputLabels(const StateDict& dict, Task task, Index outputs) {
  if (task == Task::Pose) read_keypoints(dict, outputs);
  // A single logit distinguishes two classes.
  if (task == Task::Seg) read_classes(dict, std::max<Index>(outputs, 2));
}

std::vector<std::string> OutputLabels::names() const {
  std::vector<std::string> names;
  if (keypoints_) {
    for (const KeypointInfo& point : keypoints_->keypoints) names.emplace_back(point.name);
  }
  if (classes_) {
    for (const SegClass& seg_class : classes_->classes) names.emplace_back(seg_class.name);
  }
  return names;
}

// A record that names the published points, as every published file does, keeps what is known
// about them beyond the record.
void OutputLabels::read_keypoints(const StateDict& dict, Index count) {
  const DatasetMeta meta(dict);
  names_ = meta.keypoint_names(count);
  if (names_.empty()) {
    keypoints_ = find_keypoint_set(count);
    return;
  }
  if (const KeypointSet* const published = published_keypoints(names_, count)) {
    dataset_ = published->dataset;
    points_.assign(published->keypoints.begin(), published->keypoints.end());
    links_.assign(published->skeleton.begin(), published->skeleton.end());
  } else {
    points_.assign(names_.size(), {.color = kPlain});
  }
  dataset_ = meta.name("dataset_name").value_or(dataset_);
  const std::vector<int> partners = mirror_partners(dict, count);
  for (int id = 0; id < static_cast<int>(count); ++id) {
    points_[id].mirror = partners.empty() ? id : partners[id];
    read_point(meta, id);
  }
  read_skeleton(meta);
  own_keypoints_ = {.dataset = dataset_, .keypoints = points_, .skeleton = links_};
  keypoints_ = &own_keypoints_;
}

void OutputLabels::read_point(const DatasetMeta& meta, int id) {
  const auto key = [id](const char* list) { return fmt::format("{}.{}", list, id); };
  KeypointInfo& point = points_[id];
  point.name = names_[id];
  point.color = meta.color(key("keypoint_colors")).value_or(point.color);
  point.sigma = meta.number(key("sigmas")).value_or(point.sigma);
  point.weight = meta.number(key("dataset_keypoint_weights")).value_or(point.weight);
  const auto count = static_cast<Index>(points_.size());
  if (const auto upper = meta.index(key("upper_body_ids"), count)) {
    points_[*upper].part = BodyPart::Upper;
  }
  if (const auto lower = meta.index(key("lower_body_ids"), count)) {
    points_[*lower].part = BodyPart::Lower;
  }
}

// All links, or none if one of them is invalid.
void OutputLabels::read_skeleton(const DatasetMeta& meta) {
  const auto count = static_cast<Index>(points_.size());
  std::vector<SkeletonLink> links;
  for (int i = 0; meta.has(fmt::format("skeleton_links.{}.0", i)); ++i) {
    const auto from = meta.index(fmt::format("skeleton_links.{}.0", i), count);
    const auto to = meta.index(fmt::format("skeleton_links.{}.1", i), count);
    if (!from || !to) return;
    const auto color = meta.color(fmt::format("skeleton_link_colors.{}", i));
    links.push_back({.from = *from, .to = *to, .color = color.value_or(kPlain)});
  }
  if (!links.empty()) links_ = std::move(links);
}

void OutputLabels::read_classes(const StateDict& dict, Index count) {
  const DatasetMeta meta(dict);
  const SegClassSet* const published = find_seg_classes(count);
  names_ = meta.class_names(count);
  if (names_.empty()) {
    classes_ = published;
    return;
  }
  const auto made_up = ClassLook(count, nullptr).colors();
  for (int id = 0; id < static_cast<int>(names_.size()); ++id) {
    seg_classes_.push_back({.name = names_[id],
                            .color = made_up[static_cast<std::size_t>(id) % made_up.size()],
                            .mirror = id});
  }
  if (published && std::ranges::equal(published->classes, names_, {}, &SegClass::name)) {
    dataset_ = published->dataset;
    std::ranges::copy(published->classes, seg_classes_.begin());
  }
  for (std::size_t id = 0; id < seg_classes_.size(); ++id) {
    auto color = meta.color(fmt::format("palette.{}", id));
    if (!color) color = meta.color(fmt::format("PALETTE.{}", id));
    seg_classes_[id].color = color.value_or(seg_classes_[id].color);
  }
  dataset_ = meta.name("dataset_name").value_or(dataset_);
  own_classes_ = {.dataset = dataset_, .classes = seg_classes_};
  classes_ = &own_classes_;
}

}  // namespace sapiens
