#include "model/rtmdet_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace sapiens {
namespace {

// Sizes beyond these belong to no RTMDet; they bound what a hostile file can make us plan.
constexpr Index kWidest = 1 << 13;
constexpr Index kMaxBlocks = 64;

// The first size of the first of these tensors that the file has.
std::optional<Index> outputs_of(const OfferedShapes& offered,
                                std::initializer_list<std::string> keys) {
  for (const std::string& key : keys) {
    const std::optional<std::vector<Index>> shape = offered.find(key);
    if (shape && !shape->empty() && (*shape)[0] > 0 && (*shape)[0] <= kWidest) return (*shape)[0];
  }
  return std::nullopt;
}

// Of a convolution and the norm behind it, whichever is there. Half of a width has to be one, too.
Index width_of(const OfferedShapes& offered, const std::string& module, Index published) {
  const std::optional<Index> found = outputs_of(
      offered, {module + ".conv.weight", module + ".bn.weight", module + ".bn.running_mean"});
  return found && *found >= 2 ? *found : published;
}

Index blocks_of(const OfferedShapes& offered, const std::string& list) {
  return std::min(offered.count_numbered(list + "."), kMaxBlocks);
}

// The widths of a published model say how many blocks it has: fewer means that some are missing.
void expect_published_blocks(RtmDetConfig& config) {
  const RtmDetConfig m = published_rtmdet_m();
  if (config.stem != m.stem || config.widths != m.widths || config.head_width != m.head_width) {
    return;
  }
  for (std::size_t i = 0; i < m.blocks.size(); ++i) {
    config.blocks[i] = std::max(config.blocks[i], m.blocks[i]);
  }
  config.neck_blocks = std::max(config.neck_blocks, m.neck_blocks);
  config.head_convs = std::max(config.head_convs, m.head_convs);
}

}  // namespace

bool has_rtmdet_head(const OfferedShapes& offered) {
  return offered.count_numbered("bbox_head.rtm_cls.") > 0 ||
         offered.count_numbered("bbox_head.rtm_reg.") > 0;
}

RtmDetConfig detect_rtmdet(const OfferedShapes& offered) {
  RtmDetConfig config;
  for (std::size_t i = 0; i < config.stem.size(); ++i) {
    config.stem[i] = width_of(offered, fmt::format("backbone.stem.{}", i), config.stem[i]);
  }
  for (std::size_t i = 0; i < config.widths.size(); ++i) {
    const std::string stage = fmt::format("backbone.stage{}", i + 1);
    config.widths[i] = width_of(offered, stage + ".0", config.widths[i]);
    const Index csp = i + 1 < config.widths.size() ? 1 : 2;  // behind the pyramid pooling
    config.blocks[i] = blocks_of(offered, fmt::format("{}.{}.blocks", stage, csp));
  }
  config.neck_blocks = 0;
  for (const char* const list : {"neck.top_down_blocks", "neck.bottom_up_blocks"}) {
    for (int i = 0; i < 2; ++i) {
      config.neck_blocks =
          std::max(config.neck_blocks, blocks_of(offered, fmt::format("{}.{}.blocks", list, i)));
    }
  }
  config.head_width = width_of(offered, "neck.out_convs.0", config.head_width);
  config.head_convs = std::max(blocks_of(offered, "bbox_head.cls_convs.0"),
                               blocks_of(offered, "bbox_head.reg_convs.0"));
  expect_published_blocks(config);
  return config;
}

Index rtmdet_classes(const OfferedShapes& offered) {
  return outputs_of(offered, {"bbox_head.rtm_cls.0.weight", "bbox_head.rtm_cls.0.bias",
                              "bbox_head.rtm_cls.1.weight"})
      .value_or(0);
}

}  // namespace sapiens
