#include "sapiens/tracker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// Fewer shared points do not determine where a whole person is.
constexpr std::size_t kMinPoints = 4;

struct Edges {
  double left, top, right, bottom;

  double diagonal() const { return std::hypot(right - left, bottom - top); }
};

Edges edges_of(const Box& box) {
  return {box.x, box.y, double{box.x} + box.width, double{box.y} + box.height};
}

double overlap(double first_a, double last_a, double first_b, double last_b) {
  return std::max(0.0, std::min(last_a, last_b) - std::max(first_a, first_b));
}

// Returns the intersection over union of two boxes.
double iou(const Box& a, const Box& b) {
  const Edges p = edges_of(a), q = edges_of(b);
  const double common =
      overlap(p.left, p.right, q.left, q.right) * overlap(p.top, p.bottom, q.top, q.bottom);
  return common / (double{a.width} * a.height + double{b.width} * b.height - common);
}

bool is_box(const Box& box) {
  return std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.x + box.width) &&
         std::isfinite(box.y + box.height) && box.width > 0 && box.height > 0 &&
         std::isfinite(box.score);
}

void expect_boxes(std::span<const Box> boxes) {
  const auto wrong = std::ranges::find_if_not(boxes, is_box);
  if (wrong == boxes.end()) return;
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "this is not a valid person box",
       .expected = "finite numbers, width and height above 0",
       .actual = fmt::format("box {}: {}, {}, {}, {}, score {}", wrong - boxes.begin(), wrong->x,
                             wrong->y, wrong->width, wrong->height, wrong->score)});
}

/// The bounding rectangles of the same keypoints in the earlier and the current frame.
struct Extents {
  Edges then, now;
  std::size_t points = 0;
};

void include(Edges& edges, const Keypoint& point) {
  edges = {std::min<double>(edges.left, point.x), std::min<double>(edges.top, point.y),
           std::max<double>(edges.right, point.x), std::max<double>(edges.bottom, point.y)};
}

bool confident(const Keypoint& point, float min_score) {
  return point.score >= min_score && std::isfinite(point.x) && std::isfinite(point.y);
}

// Uses only points that are visible in both frames, so that feet that leave the image do not
// shorten the person.
Extents shared_extents(std::span<const Keypoint> then, std::span<const Keypoint> now,
                       float min_score) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  Extents extents{{kFar, kFar, -kFar, -kFar}, {kFar, kFar, -kFar, -kFar}};
  for (std::size_t k = 0; k < std::min(then.size(), now.size()); ++k) {
    if (!confident(then[k], min_score) || !confident(now[k], min_score)) continue;
    include(extents.then, then[k]);
    include(extents.now, now[k]);
    ++extents.points;
  }
  return extents;
}

// Places `box` relative to the current points as it was relative to the earlier ones. Margins grow
// with the diagonal, because a person in profile has almost no width to scale by.
std::optional<Box> laid_about(const Extents& extents, const Box& box) {
  if (extents.points < kMinPoints || !(extents.then.diagonal() > 0)) return std::nullopt;
  const double scale = extents.now.diagonal() / extents.then.diagonal();
  const Edges old = edges_of(box);
  const double left = extents.now.left - scale * (extents.then.left - old.left);
  const double top = extents.now.top - scale * (extents.then.top - old.top);
  const double right = extents.now.right + scale * (old.right - extents.then.right);
  const double bottom = extents.now.bottom + scale * (old.bottom - extents.then.bottom);
  const Box result = {.x = static_cast<float>(left),
                      .y = static_cast<float>(top),
                      .width = static_cast<float>(right - left),
                      .height = static_cast<float>(bottom - top),
                      .score = box.score};
  return is_box(result) ? std::optional(result) : std::nullopt;
}

}  // namespace

PersonTracker::PersonTracker(const TrackOptions& options) : options_(options) {
  if (options.min_iou > 0 && options.min_iou <= 1 && options.max_age >= 0 &&
      !std::isnan(options.min_score)) {
    return;
  }
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "the options of the tracker are out of range",
       .expected = "min_iou above 0 and at most 1, max_age from 0, min_score a "
                   "number",
       .actual = fmt::format("{}, {}, {}", options.min_iou, options.max_age, options.min_score)});
}

// Moves all tracks by one frame and drops those that were not matched for more than `max_age`.
void PersonTracker::next_frame() {
  for (Track& track : tracks_) {
    track.box.x += track.velocity_x;
    track.box.y += track.velocity_y;
    ++track.age;
  }
  const auto lost = tracks_.begin() + static_cast<std::ptrdiff_t>(in_sight_);
  tracks_.erase(std::remove_if(lost, tracks_.end(),
                               [&](const Track& track) { return track.age > options_.max_age; }),
                tracks_.end());
}

// The velocity is more precise the longer the time over which it is measured: boxes of detectors
// jitter by a few pixels, whether one or ten frames lie between them.
void PersonTracker::measure(Track& track, const Box& box) const {
  const auto frames = static_cast<float>(track.age);
  if (track.age > 0) {
    const float trust = frames / (frames + 2);
    const auto centre = [](float from, float length) { return from + length / 2; };
    const float x = centre(box.x, box.width) - centre(track.measured.x, track.measured.width);
    const float y = centre(box.y, box.height) - centre(track.measured.y, track.measured.height);
    track.velocity_x += trust * (x / frames - track.velocity_x);
    track.velocity_y += trust * (y / frames - track.velocity_y);
  }
  track.box = track.measured = box;
  track.age = 0;
}

std::vector<TrackedBox> PersonTracker::visible() const {
  std::vector<TrackedBox> boxes;
  boxes.reserve(in_sight_);
  for (std::size_t i = 0; i < in_sight_; ++i) boxes.push_back({tracks_[i].box, tracks_[i].id});
  return boxes;
}

std::vector<TrackedBox> PersonTracker::predict() {
  next_frame();
  detected_ = false;
  return visible();
}

std::vector<TrackedBox> PersonTracker::update(std::span<const Box> detections) {
  expect_boxes(detections);
  next_frame();

  // Pairs are sorted by overlap; among equals the older track comes first, then the earlier box.
  std::vector<std::tuple<double, Index, std::size_t, std::size_t>> pairs;
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    for (std::size_t d = 0; d < detections.size(); ++d) {
      const double common = iou(tracks_[t].box, detections[d]);
      if (common >= options_.min_iou) pairs.emplace_back(-common, tracks_[t].id, d, t);
    }
  }
  std::ranges::sort(pairs);
  constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> owner(detections.size(), kNobody);
  std::vector<bool> taken(tracks_.size());
  for (const auto& [common, id, d, t] : pairs) {
    if (taken[t] || owner[d] != kNobody) continue;
    taken[t] = true;
    owner[d] = t;
  }

  std::vector<Track> next;
  for (std::size_t d = 0; d < detections.size(); ++d) {
    Track track = owner[d] == kNobody ? Track{.id = next_id_++} : std::move(tracks_[owner[d]]);
    measure(track, detections[d]);
    track.detected = detections[d];
    track.pose.clear();
    next.push_back(std::move(track));
  }
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    if (!taken[t] && tracks_[t].age <= options_.max_age) next.push_back(std::move(tracks_[t]));
  }
  tracks_ = std::move(next);
  in_sight_ = detections.size();
  detected_ = true;
  return visible();
}

void PersonTracker::follow(std::span<const Pose> poses) {
  if (poses.size() != in_sight_) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the tracker needs one pose per person of the latest frame",
                 .expected = fmt::format("{} poses", in_sight_),
                 .actual = fmt::format("{}", poses.size())});
  }
  for (std::size_t i = 0; i < poses.size(); ++i) follow(tracks_[i], poses[i]);
}

void PersonTracker::follow(Track& track, const Pose& pose) const {
  if (detected_) {
    track.pose = pose.keypoints;
    return;
  }
  const Extents extents = shared_extents(track.pose, pose.keypoints, options_.min_score);
  const std::optional<Box> box = laid_about(extents, track.detected);
  // The crop of one person shows parts of others, so a pose may switch to another person.
  if (box && iou(*box, track.box) >= options_.min_iou) measure(track, *box);
}

}  // namespace sapiens
