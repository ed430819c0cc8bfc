#include "cli/input/image_matcher.hpp"

#include <gmock/gmock.h>

namespace sapiens::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

KnownImage image(const std::string& folder, const std::string& name,
                 std::vector<std::string> ids = {}) {
  return {.path = folder + "/" + name, .name = name, .ids = std::move(ids)};
}

ImageMatches match(const std::vector<KnownImage>& known, const std::vector<std::string>& names) {
  std::set<ImageRef> refs;
  for (const std::string& name : names) refs.insert({name});
  return match_images(known, refs);
}

TEST(PathParts, AreThoseOfAllSystems) {
  EXPECT_THAT(path_parts("/a//b/./c.png"), ElementsAre("a", "b", "c.png"));
  EXPECT_THAT(path_parts("C:\\a\\b.png"), ElementsAre("C:", "a", "b.png"));
  EXPECT_THAT(path_parts("a/../b/../../c"), ElementsAre("..", "c"));
  EXPECT_THAT(path_parts("./"), IsEmpty());
}

TEST(MatchImages, FindsAnImageHoweverItsPathIsSpelled) {
  const std::vector<KnownImage> known = {image("/data/in", "deep/a.png"),
                                         image("/data/in", "b.png")};
  for (const char* name : {"/data/in/deep/a.png", "deep/a.png", "./deep/a.png", "in/deep/a.png",
                           "deep\\a.png", "D:\\other\\deep\\a.png", "/mnt/x/deep/a.png",
                           "x/../deep/a.png", "a.png", "val2017/a.png"}) {
    const ImageMatches matches = match(known, {name});
    ASSERT_EQ(matches.image_of.size(), 1u) << name;
    EXPECT_EQ(matches.image_of.begin()->second, 0u) << name;
  }
  for (const char* name : {"A.png", "a.jpg", "a", "aa.png", "", "/", "deep", "a.png/b"}) {
    const ImageMatches matches = match(known, {name});
    EXPECT_THAT(matches.image_of, IsEmpty()) << name;
    EXPECT_THAT(matches.unclear, IsEmpty()) << name;
  }
}

TEST(MatchImages, PrefersThePathBelowTheFolder) {
  const std::vector<KnownImage> known = {image("/in", "a.png"), image("/in", "deep/a.png")};
  const ImageMatches matches = match(known, {"a.png", "deep/a.png"});
  EXPECT_EQ(matches.image_of.at({"a.png"}), 0u);
  EXPECT_EQ(matches.image_of.at({"deep/a.png"}), 1u);
  EXPECT_THAT(matches.unclear_images, IsEmpty());
}

TEST(MatchImages, GuessesNothingWhereSeveralImagesHaveTheName) {
  const std::vector<KnownImage> known = {image("/in", "train/1.jpg"), image("/in", "val/1.jpg"),
                                         image("/in", "val/2.jpg")};
  for (const char* name : {"1.jpg", "other/1.jpg", "x/train/y/1.jpg"}) {
    const ImageMatches matches = match(known, {name, "2.jpg"});
    EXPECT_EQ(matches.image_of.size(), 1u) << name;
    EXPECT_EQ(matches.unclear.begin()->text, name);
    EXPECT_THAT(matches.unclear_images, UnorderedElementsAre(0u, 1u)) << name;
  }
  // What is clear of them stays so.
  const ImageMatches matches = match(known, {"1.jpg", "train/1.jpg"});
  EXPECT_EQ(matches.image_of.at({"train/1.jpg"}), 0u);
  EXPECT_THAT(matches.unclear_images, ElementsAre(1u));
}

TEST(MatchImages, NeverGivesOneImageThePersonsOfTwo) {
  const std::vector<KnownImage> known = {image("/photos", "1.jpg")};
  const ImageMatches both = match(known, {"train/1.jpg", "val/1.jpg"});
  EXPECT_THAT(both.image_of, IsEmpty());
  EXPECT_EQ(both.unclear.size(), 2u);
  EXPECT_THAT(both.unclear_images, ElementsAre(0u));
  const ImageMatches better = match(known, {"1.jpg", "val/1.jpg"});
  EXPECT_EQ(better.image_of.size(), 1u);
  EXPECT_EQ(better.image_of.at({"1.jpg"}), 0u);
  // Spellings of one path are not two.
  EXPECT_EQ(match(known, {"1.jpg", "./1.jpg", "photos/1.jpg", "/photos/1.jpg"}).image_of.size(),
            4u);
  EXPECT_EQ(match(known, {"x/1.jpg", ".\\x\\1.jpg"}).image_of.size(), 2u);
}

TEST(MatchImages, FindsImagesById) {
  const std::vector<KnownImage> known = {
      image("/in", "000139.jpg", {"139"}), image("/in", "b.jpg", {"b"}),
      image("/in", "x/7.jpg", {"7"}), image("/in", "y/07.jpg", {"7"})};
  const ImageMatches matches =
      match_images(known, {{"139", true}, {"b", true}, {"7", true}, {"8", true}});
  EXPECT_EQ(matches.image_of.at({"139", true}), 0u);
  EXPECT_EQ(matches.image_of.at({"b", true}), 1u);
  EXPECT_EQ(matches.image_of.size(), 2u);
  EXPECT_THAT(matches.unclear_images, UnorderedElementsAre(2u, 3u));
}

TEST(MatchImages, TakesAFolderOfOneNameInTimeThatGrowsWithIt) {
  std::vector<KnownImage> known;
  std::set<ImageRef> refs;
  for (int i = 0; i < 50'000; ++i) {
    known.push_back(image("/in", std::to_string(i) + "/rgb.png"));
    refs.insert({"/x/" + std::to_string(i) + "/y/rgb.png"});  // all mean any
  }
  const ImageMatches matches = match_images(known, refs);
  EXPECT_EQ(matches.unclear.size(), 50'000u);
  EXPECT_EQ(matches.unclear_images.size(), 50'000u);
}

TEST(OtherExtensionNote, TellsOfTheImageThatMayBeMeant) {
  const std::vector<KnownImage> known = {image("/in", "deep/a.png")};
  EXPECT_EQ(other_extension_note(known, "x\\a.jpg"), " (there is a.png)");
  EXPECT_EQ(other_extension_note(known, "b.jpg"), "");
  EXPECT_EQ(other_extension_note({}, "a.jpg"), "");
}

}  // namespace
}  // namespace sapiens::cli
