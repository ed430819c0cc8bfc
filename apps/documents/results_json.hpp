#pragma once

#include <sapiens/labels.hpp>
#include <sapiens/results.hpp>
#include <span>

#include "documents/json.hpp"

namespace sapiens::documents {

/// What the points of a model with `count` keypoints are. `set` may be null: numbers are then
/// their names.
Json keypoints_json(Index count, const KeypointSet* set);

/// One entry per person, as the original writes them; boxes are [x1, y1, x2, y2]. With `ids`, one
/// per person, also who it is in a video.
Json persons_json(std::span<const Pose> poses, std::span<const Index> ids = {});

/// `[{id, name, color}]` of a model with `count` classes. `set` may be null: numbers are then their
/// names, and nothing tells colours.
Json classes_json(Index count, const SegClassSet* set);

}  // namespace sapiens::documents
