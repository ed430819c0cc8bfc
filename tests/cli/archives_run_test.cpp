#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sapiens/archive.hpp>
#include <string>
#include <vector>

#include "archive/archives.hpp"
#include "cli/task_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// Commands on archives and on folders of the same images.
class ArchiveRuns : public TaskFixture {
 protected:
  void SetUp() override {
    std::string why;
    if (!archives_available(&why)) GTEST_SKIP() << why;
    for (int i = 0; i < 5; ++i) image("photos/a/" + std::to_string(i) + ".png", i);
    image("photos/b.jpg", 9);
    write_bytes(scratch_ / "photos/b.json", "{}");
    pack(scratch_ / "photos.tar", "in/photos.zip");
  }

  /// Packs `photos`, in another order than that of its names.
  void pack(const std::string& tar_path, const std::string& zip_name) {
    std::string tar;
    StoredZip zip;
    for (const std::string name :
         {"b.jpg", "b.json", "a/3.png", "a/0.png", "a/4.png", "a/1.png", "a/2.png"}) {
      const std::string bytes = read_bytes(scratch_ / ("photos/" + name));
      tar += tar_member("./" + name, bytes);
      zip.add(name, bytes);
    }
    write_bytes(tar_path, tar + tar_end());
    write_bytes(scratch_ / zip_name, zip.bytes());
  }

  /// The files of a folder by their names below it, without the record of the run.
  static std::map<std::string, std::string> results(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().lexically_relative(folder).string();
      if (entry.is_regular_file() && !name.starts_with("sapiens-")) {
        files[name] = read_bytes(entry.path());
      }
    }
    return files;
  }

  /// Expects the same files of the folder, the tar and the zip.
  void expect_equal_results(const std::string& task, std::vector<std::string> options) {
    output_ = scratch_ / (task + "-folder/photos");
    std::vector<std::string> arguments = options;
    arguments.insert(arguments.begin(), {scratch_ / "photos", "-r"});
    const Finished folder = run(task, arguments);
    ASSERT_EQ(folder.code, 0) << folder.err;
    const auto expected = results(output_);
    ASSERT_GE(expected.size(), 6u);
    for (const std::string archive : {"photos.tar", "in/photos.zip"}) {
      output_ = scratch_ / (task + "-" + fs::path(archive).filename().string());
      arguments = options;
      arguments.insert(arguments.begin(), scratch_ / archive);
      const Finished packed = run(task, arguments);
      ASSERT_EQ(packed.code, 0) << packed.err;
      EXPECT_THAT(packed.err, HasSubstr("left out: 1 "));
      EXPECT_TRUE(results(output_ + "/photos") == expected) << archive;
    }
  }
};

TEST_F(ArchiveRuns, FeaturesEqualThoseOfTheFolder) {
  make_checkpoint(scratch_ / "features.pth");
  expect_equal_results("features", {"--viz", "--batch", "3"});
}

TEST_F(ArchiveRuns, PosesEqualThoseOfTheFolder) {
  expect_equal_results("pose", {"--viz", "--batch", "2"});
}

TEST_F(ArchiveRuns, ClassesEqualThoseOfTheFolder) { expect_equal_results("seg", {"--viz"}); }

TEST_F(ArchiveRuns, ReconstructionsEqualThoseOfTheFolder) {
  const Finished synth = run_sapiens(
      {"synth", scratch_ / "reconstruct.pth", "--arch", "tiny", "--layout", "mmengine"});
  ASSERT_EQ(synth.code, 0) << synth.err;
  expect_equal_results("reconstruct", {});
}

TEST_F(ArchiveRuns, ARunThatWasInterruptedGoesOn) {
  ASSERT_EQ(run("seg", {scratch_ / "photos.tar"}).code, 0);
  fs::remove(out("photos/a/3.npy"));
  fs::remove(out("photos/a/3_seg.npy"));
  const Finished resumed = run("seg", {scratch_ / "photos.tar", "--resume", "--json"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  const Json document = resumed.json();
  EXPECT_EQ(document["totals"]["done"], 1) << document.dump(1);
  bool found = false;
  for (const Json& input : document["inputs"]) {
    found = found || input["input"] == scratch_ / "photos.tar/./a/3.png";
  }
  EXPECT_TRUE(found) << document.dump(1);
}

TEST_F(ArchiveRuns, BoxesAreFoundByTheNamesOfMembers) {
  const auto entry = [](const std::string& file, int x) {
    return Json{{"file_name", file}, {"bbox", {x, 2, 10, 12}}, {"score", 1}};
  };
  write_bytes(scratch_ / "boxes.json",
              Json{entry("b.jpg", 1), entry("a/3.png", 2), entry("photos/a/1.png", 3),
                   entry("photos.tar/a/2.png", 4), entry("4.png", 5)}
                  .dump());
  const Finished run_of =
      run("pose", {scratch_ / "photos.tar", "--boxes", scratch_ / "boxes.json"});
  ASSERT_EQ(run_of.code, 0) << run_of.err;
  const std::map<std::string, int> left = {
      {"b", 1}, {"a/3", 2}, {"a/1", 3}, {"a/2", 4}, {"a/4", 5}};
  for (const auto& [name, x] : left) {
    const Json persons = document("photos/" + name + ".json")["instance_info"];
    ASSERT_EQ(persons.size(), 1u) << name;
    EXPECT_EQ(persons[0]["bbox"][0], x) << name;
  }
}

TEST_F(ArchiveRuns, MasksAreTakenFromAFolder) {
  make_checkpoint(scratch_ / "features.pth");
  output_ = scratch_ / "seg";
  ASSERT_EQ(run("seg", {scratch_ / "photos.tar"}).code, 0);
  const std::vector<std::string> pool = {"--pool", "mask", "--mask-class", "1,2,3,4,5"};
  output_ = scratch_ / "out";
  std::vector<std::string> arguments = {scratch_ / "photos.tar", "--mask", scratch_ / "seg"};
  arguments.insert(arguments.end(), pool.begin(), pool.end());
  const Finished masked = run("features", arguments);
  EXPECT_THAT(masked.err, testing::Not(HasSubstr("there is no mask")));
  arguments = {scratch_ / "photos.tar"};
  arguments.insert(arguments.end(), pool.begin(), pool.end());
  EXPECT_THAT(run("features", arguments).err, HasSubstr("--mask DIR"))
      << "there is nothing beside a member";
}

TEST_F(ArchiveRuns, WhatFailsIsNamedAndTheOthersAreWorkedOn) {
  StoredZip zip;
  zip.add("good.png", read_bytes(scratch_ / "photos/a/0.png"));
  zip.add("../../bad.png", read_bytes(scratch_ / "photos/a/1.png"));
  zip.add("damaged.png", read_bytes(scratch_ / "photos/a/2.png"));
  zip.add("last.png", read_bytes(scratch_ / "photos/a/3.png"));
  std::string bytes = zip.bytes();
  bytes[bytes.find("damaged.png") + 60] ^= 1;
  write_bytes(scratch_ / "some.zip", bytes);
  make_checkpoint(scratch_ / "features.pth");
  const Finished some = run("features", {scratch_ / "some.zip", "--json"});
  EXPECT_EQ(some.code, 1);
  EXPECT_THAT(some.err, AllOf(HasSubstr("some.zip/../../bad.png"), HasSubstr("cannot be called"),
                              HasSubstr("some.zip/damaged.png"), HasSubstr("is damaged")));
  EXPECT_EQ(some.json()["totals"]["failed"], 2) << some.out;
  EXPECT_EQ(results(output_).size(), 2u);
  EXPECT_TRUE(fs::exists(out("some/good.npy")) && fs::exists(out("some/last.npy")));
  EXPECT_FALSE(fs::exists(scratch_ / "bad.npy"));
}

TEST_F(ArchiveRuns, KeysOfImagesAreChosen) {
  const std::string zero = read_bytes(scratch_ / "photos/a/0.png");
  write_bytes(scratch_ / "two.tar",
              tar_member("x.jpg", "no image") + tar_member("x.right.png", zero) + tar_end());
  make_checkpoint(scratch_ / "features.pth");
  const std::string two = scratch_ / "two.tar";
  EXPECT_EQ(run("features", {two}).code, 1);
  const Finished chosen = run("features", {two, "--image-key", "Right.png;jpg"});
  EXPECT_EQ(chosen.code, 0) << chosen.err;
  EXPECT_TRUE(fs::exists(out("two/x.npy")));
  EXPECT_EQ(run("features", {two, "--image-key", "png;;jpg"}).code, 2);
  EXPECT_EQ(run("features", {scratch_ / "photos", "--image-key", "png"}).code, 2);
}

}  // namespace
}  // namespace sapiens
