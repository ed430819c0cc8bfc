#include "engine/task_traits.hpp"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "tasks/dense.hpp"
#include "tasks/pose.hpp"

namespace sapiens {
namespace {

Result pose_of(const HeadResult& r) {
  const Box& box = *r.input.person;
  const std::vector<InputKeypoint> found = decode_heatmaps(r.head, r.size, r.pool);
  return Pose{.box = box, .keypoints = to_image(found, crop_of_box(box, r.size), r.size)};
}

Result segmentation_of(const HeadResult& r) {
  return most_likely_classes(r.head, r.between(), r.image(), r.pool);
}

Result depth_of(const HeadResult& r) {
  return DepthMap{depth_of_image(r.head, r.between(), r.image(), r.pool)};
}

Result normals_of(const HeadResult& r) {
  return NormalMap{normals_of_image(r.head, r.between(), r.image(), r.pool)};
}

constexpr TaskTraits kTraits[] = {
    {Task::Pose, pose_of},
    {Task::Seg, segmentation_of},
    {Task::Depth, depth_of},
    {Task::Normal, normals_of},
};

// How maps are drawn; other results have options of their own, and no such overload.
class MapDrawer {
 public:
  MapDrawer(const Image& image, std::span<const std::uint8_t> mask, const MapDrawing& drawing,
            const StopCheck& check)
      : image_(image), mask_(mask), beside_(drawing.side_by_side), check_(check) {}

  Image operator()(const DepthMap& depth) const {
    return draw_depth(image_, depth.values.view<2>(), mask_,
                      {.normals = beside_, .side_by_side = beside_}, check_);
  }
  Image operator()(const NormalMap& normals) const {
    return draw_normals(image_, normals.values.view<3>(), mask_, {.side_by_side = beside_}, check_);
  }
  Image operator()(const auto&) const {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "this result is no map of an image",
                 .hint = "keypoints and classes have functions of their own that draw them"});
  }

 private:
  const Image& image_;
  std::span<const std::uint8_t> mask_;
  bool beside_;
  const StopCheck& check_;
};

}  // namespace

Error no_head_error(Task task) {
  return Error(ErrorCode::InvalidArgument, {.summary = "a model for this task has no head",
                                            .option = "task",
                                            .expected = head_task_list(),
                                            .actual = std::string(task_name(task))});
}

const TaskTraits& traits_of(Task task) noexcept {
  return *std::ranges::find(kTraits, task, &TaskTraits::task);
}

Image draw_map(const Image& image, const Result& map, std::span<const std::uint8_t> mask,
               const MapDrawing& drawing, const StopCheck& check) {
  return std::visit(MapDrawer(image, mask, drawing, check), map);
}

}  // namespace sapiens
