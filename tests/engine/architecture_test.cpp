#include "sapiens/architecture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;

TEST(Architectures, AreThePublishedSizesOfBothFamiliesAndATinyOneOfEach) {
  const std::vector<Architecture> all = architectures();
  std::vector<std::string> names;
  for (const Architecture& one : all) {
    if (one.published) names.push_back(one.name);
  }
  EXPECT_THAT(names, ElementsAre("0.3b", "0.6b", "1b", "2b", "sapiens2_0.1b", "sapiens2_0.4b",
                                 "sapiens2_0.8b", "sapiens2_1b", "sapiens2_5b"));
  EXPECT_EQ(std::ranges::count(all, false, &Architecture::published), 2);
  EXPECT_EQ(all.front().width, 1024);
  EXPECT_EQ(all.front().depth, 24);
  EXPECT_EQ(all.front().heads, 16);
  EXPECT_EQ(all.front().grid.width, 64);
}

TEST(HeadArchitectures, AreThoseOfTheOriginal) {
  const HeadArchitecture pose = head_architecture(Task::Pose, 1024, 308);
  EXPECT_THAT(pose.deconvs, ElementsAre(768, 768));
  EXPECT_THAT(pose.convs, ElementsAre(768, 768));
  EXPECT_EQ(pose.patch_padding, 2);
  const HeadArchitecture depth = head_architecture(Task::Depth, 1024, 1);
  EXPECT_THAT(depth.deconvs, ElementsAre(384, 384, 384, 384));
  EXPECT_EQ(depth.patch_padding, 0);
  EXPECT_EQ(head_architecture(Task::Seg, 1024, 28).patch_padding, 0);
  EXPECT_EQ(head_architecture(Task::Seg, 1024, 20).patch_padding, 2) << "lip and cihp";
  EXPECT_THAT(head_architecture(Task::Seg, 48, 28).convs, ElementsAre(48, 48, 48));
  EXPECT_THROW(head_architecture(Task::Pretrain, 1024, 0), Error);
}

}  // namespace
}  // namespace sapiens
