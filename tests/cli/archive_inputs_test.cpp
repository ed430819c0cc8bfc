#include "cli/input/archive_inputs.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <sapiens/image.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "archive/archives.hpp"
#include "cli/input/archive_members.hpp"
#include "cli/input/inputs.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::StartsWith;

/// A tar of empty files.
std::string tar_of(const std::vector<std::string>& names) {
  std::string tar;
  for (const std::string& name : names) tar += tar_member(name, "");
  return tar + tar_end();
}

std::string zip_of(const std::vector<std::string>& names) {
  StoredZip zip;
  for (const std::string& name : names) zip.add(name, "");
  return zip.bytes();
}

class ArchiveInputs : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!archives_available(&why)) GTEST_SKIP() << why;
  }

  ArchiveSamples open(const std::string& bytes, SampleRules rules = {}) {
    write_bytes(scratch_ / "shard.tar", bytes);
    return {{.path = scratch_ / "shard.tar", .name = "deep/shard.tar", .archive = true},
            std::move(rules)};
  }

  /// Names of the inputs; of those with an error its summary behind the member.
  static std::vector<std::string> names(ArchiveSamples samples) {
    std::vector<std::string> names;
    try {
      while (const auto sample = samples.next()) {
        names.push_back(sample->error
                            ? sample->input.member + ": " + sample->error->detail().summary
                            : sample->input.name.string());
      }
    } catch (const Error& error) {
      names.push_back("! " + error.detail().summary);
      EXPECT_FALSE(samples.next()) << "nothing is behind the end";
    }
    return names;
  }

  /// "hidden 2", in the order of the reasons.
  static std::vector<std::string> left_out(const LeftOutList& list) {
    std::vector<std::string> result;
    for (const Json& entry : left_out_json(list)) {
      result.push_back(entry["reason"].get<std::string>() + " " + entry["count"].dump());
    }
    return result;
  }

  Inputs collect(const std::vector<std::string>& arguments, InputRules rules = {}) {
    std::istringstream nothing;
    rules.archives = true;
    return collect_inputs(arguments, rules, nothing);
  }

  static std::vector<std::string> names(const Inputs& inputs) {
    std::vector<std::string> names;
    for (const InputFile& file : inputs.files) names.push_back(file.name.string());
    for (const FailedInput& failed : inputs.failed) {
      names.push_back("failed: " + fs::path(failed.path).filename().string());
    }
    return names;
  }

  Scratch scratch_;
};

TEST_F(ArchiveInputs, ArchivesAreCalledByTheirEndings) {
  for (const char* name :
       {"a.tar", "a.TAR.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.tar.zst", "a.Zip"}) {
    EXPECT_TRUE(is_archive_name(name)) << name;
    EXPECT_EQ(without_archive_ending(fs::path("in") / name), "in/a") << name;
  }
  for (const char* name : {"a.gz", "tar", ".tar", "a.tar.jpg", "a.npz", ""}) {
    EXPECT_FALSE(is_archive_name(name)) << name;
    EXPECT_EQ(without_archive_ending(name), name);
  }
  EXPECT_EQ(without_archive_ending("shard.0001.tar"), "shard.0001");
}

TEST_F(ArchiveInputs, MembersOfOneKeyAreASample) {
  ArchiveSamples samples =
      open(tar_of({"./a/1.json", "./a/1.PNG", "./a/1.cls.txt", "./a/2.seg.png", "./a/2.jpg", "b"}));
  const auto first = samples.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->input.name, "deep/shard/a/1.PNG");
  EXPECT_EQ(first->input.member, "./a/1.PNG");
  EXPECT_EQ(first->input.position, 1u);
  EXPECT_EQ(first->input.text(), scratch_ / "shard.tar/./a/1.PNG");
  EXPECT_FALSE(first->input.content);
  EXPECT_EQ(samples.next()->input.name, "deep/shard/a/2.jpg");
  EXPECT_FALSE(samples.next());
  EXPECT_THAT(left_out(samples.left_out()), ElementsAre("other-field 4"));
}

TEST_F(ArchiveInputs, OfSeveralImagesTheFirstKindOfTheListCounts) {
  const std::string tar = tar_of({"1.png", "1.jpg", "1.seg.png", "2.webp"});
  EXPECT_THAT(names(open(tar)), ElementsAre("deep/shard/1.jpg", "deep/shard/2.webp"));
  EXPECT_THAT(names(open(tar, {.image_keys = {"png", "jpg"}})), ElementsAre("deep/shard/1.png"));
  EXPECT_THAT(names(open(tar, {.image_keys = {"seg.png"}})), ElementsAre("deep/shard/1.png"))
      << "results are called as the key";
}

TEST_F(ArchiveInputs, ContentAndSidecarsComeAlong) {
  const std::string large(kMaxSidecar + 1, 'x');
  ArchiveSamples samples =
      open(tar_member("1.txt", "a caption") + tar_member("1.png", "pixels") +
               tar_member("1.jpg", "better pixels") + tar_member("1.cls.json", "[7]") +
               tar_member("1.json", large) + tar_member("1.mp3", "noise") +
               tar_member("2.cls", "3") + tar_end(),
           {.with_content = true});
  const auto sample = samples.next();
  ASSERT_TRUE(sample && sample->input.content);
  const auto text = [](const std::vector<std::byte>& bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  EXPECT_EQ(text(*sample->input.content), "better pixels");
  const std::vector<Sidecar>& sidecars = sample->input.sidecars;
  ASSERT_EQ(sidecars.size(), 2u);
  EXPECT_EQ(sidecars[0].field + "=" + text(sidecars[0].content), "txt=a caption");
  EXPECT_EQ(sidecars[1].field + "=" + text(sidecars[1].content), "cls.json=[7]");
  EXPECT_FALSE(samples.next());
  EXPECT_THAT(left_out(samples.left_out()), ElementsAre("other-field 3", "large-sidecar 1"));
}

TEST_F(ArchiveInputs, WhatIsNoImageIsLeftOutAndCounted) {
  ArchiveSamples samples = open(
      tar_member("in/", "", '5') + tar_member("in/._a.jpg", "") + tar_member("__MACOSX/a.jpg", "") +
      tar_member(".git/a.jpg", "") + tar_member("in/b.jpg", "", '2', "/etc/passwd") +
      tar_member("in/c.jpg", "", '3') + tar_member("in/d.jpg", "") + tar_end());
  EXPECT_EQ(samples.next()->input.name, "deep/shard/in/d.jpg");
  EXPECT_FALSE(samples.next());
  EXPECT_THAT(left_out(samples.left_out()), ElementsAre("hidden 3", "no-content 2"));
}

TEST_F(ArchiveInputs, NamesThatWouldLeadElsewhereFail) {
  const std::string problem = "results cannot be called as this member of an archive is";
  const std::string long_part(201, 'x');
  for (const std::string& name :
       {std::string("/etc/a.jpg"), std::string("../a.jpg"), std::string("in/../../a.jpg"),
        std::string("in//a.jpg"), std::string("in/./a.jpg"), long_part + ".jpg"}) {
    std::string tar = tar_member("x", pax_record("path", name), 'x') + tar_member("y", "");
    EXPECT_THAT(names(open(tar + tar_member("good.jpg", "") + tar_end())),
                ElementsAre(name + ": " + problem, "deep/shard/good.jpg"));
    EXPECT_THAT(names(open(zip_of({name, "good.jpg"}))),
                ElementsAre(name + ": " + problem, "deep/shard/good.jpg"));
  }
  ArchiveSamples samples = open(tar_of({"../a.jpg"}));
  EXPECT_EQ(samples.next()->input.name, "");
  std::string deep = "a.jpg";
  while (deep.size() < kMaxMemberName + 10) deep = "folder/" + deep;
  EXPECT_THAT(names(open(zip_of({deep}))), ElementsAre(deep + ": " + problem));
}

TEST_F(ArchiveInputs, AKeyThatOccurredBeforeFails) {
  const std::string problem = ": the key of this image occurred before";
  EXPECT_THAT(names(open(tar_of({"1.jpg", "2.jpg", "1.png", "3.jpg", "3.jpg"}))),
              ElementsAre("deep/shard/1.jpg", "deep/shard/2.jpg", "1.png" + problem,
                          "deep/shard/3.jpg", "3.jpg" + problem));
  EXPECT_THAT(names(open(tar_of({"1.json", "2.jpg", "1.jpg"}))),
              ElementsAre("deep/shard/2.jpg", "deep/shard/1.jpg"))
      << "nothing is made of a sample without an image";
}

TEST_F(ArchiveInputs, AZipIsReadAsAFolder) {
  const std::vector<std::string> members = {"b.1.jpg", "a.jfif",      "a.png", "notes.txt",
                                            "a.png",   ".hidden.png", "a.jfif"};
  const std::string again = ": the key of this image occurred before";
  EXPECT_THAT(names(open(zip_of(members))),
              ElementsAre("deep/shard/b.1.jpg", "deep/shard/a.jfif", "deep/shard/a.png",
                          "a.png" + again, "a.jfif" + again));
  EXPECT_THAT(names(open(zip_of({"a.jpg", "a.png", "a.png.jpg"}), {.with_content = true})),
              ElementsAre("deep/shard/a.jpg", "deep/shard/a.png.png", "deep/shard/a.png.jpg.jpg"))
      << "names without extension are keys";
}

TEST_F(ArchiveInputs, ADamagedMemberIsNamedAndSkipped) {
  std::string zip;
  {
    StoredZip stored;
    stored.add("a.jpg", "first letter");
    stored.add("b.jpg", "second letter");
    stored.add("c.jpg", "encrypted", 1);
    stored.add("d.jpg", "fourth letter");
    zip = stored.bytes();
  }
  zip.replace(zip.find("second"), 6, "SECOND");
  EXPECT_THAT(names(open(zip, {.with_content = true})),
              ElementsAre("deep/shard/a.jpg", "b.jpg: the member is damaged",
                          "c.jpg: the member is encrypted", "deep/shard/d.jpg"));
}

TEST_F(ArchiveInputs, WhatLiesBeforeTheDamageOfATarIsFound) {
  const std::string whole = tar_member("1.jpg", "pixels") + tar_member("1.txt", "caption");
  for (const bool with_content : {false, true}) {
    EXPECT_THAT(
        names(open(whole + std::string(512, 'x') + tar_end(), {.with_content = with_content})),
        ElementsAre("deep/shard/1.jpg", StartsWith("! the archive is damaged")));
  }
  const std::string cut = whole + tar_header("2.jpg", 1000) + "begin";
  EXPECT_THAT(names(open(cut, {.with_content = true})),
              ElementsAre("deep/shard/1.jpg", StartsWith("2.jpg: the archive is damaged"),
                          StartsWith("! the archive is damaged")));
}

TEST_F(ArchiveInputs, MembersAreReadInAnyOrder) {
  const auto png = [](Index width) {
    const Image image{width, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width))};
    const std::vector<std::byte> bytes = image.encode_png();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  StoredZip zip;
  std::string tar;
  for (int i = 1; i <= 3; ++i) {
    const std::string key = std::to_string(i);
    zip.add(key + ".txt", "caption");
    zip.add(key + ".png", png(i));
    tar += tar_member(key + ".txt", "caption") + tar_member(key + ".png", png(i));
  }
  write_bytes(scratch_ / "a.zip", zip.bytes());
  write_bytes(scratch_ / "b.tar", tar + tar_end());
  Inputs inputs = collect({scratch_ / "a.zip", scratch_ / "b.tar"});
  ASSERT_EQ(inputs.files.size(), 6u);
  InputReader reader;
  for (const std::size_t i : {0, 2, 1, 1, 3, 5, 4, 0, 1, 2}) {
    EXPECT_EQ(reader.read(inputs.files[i]).width, static_cast<Index>(i % 3 + 1));
  }
  inputs.files[1].member = "4.png";
  EXPECT_EQ(error_code_of([&] { reader.read(inputs.files[1]); }), ErrorCode::CorruptFile)
      << "the archive was changed";
  inputs.files[2].content = std::make_shared<const std::vector<std::byte>>();
  EXPECT_EQ(error_code_of([&] { reader.read(inputs.files[2]); }), ErrorCode::UnsupportedFormat)
      << "what was read already is not read again";
}

TEST_F(ArchiveInputs, WhatIsLostIsNotLookedForAgain) {
  write_bytes(scratch_ / "a.tar", tar_of({"1.jpg", "2.jpg", "3.jpg"}));
  const Inputs inputs = collect({scratch_ / "a.tar"});
  ASSERT_EQ(inputs.files.size(), 3u);
  write_bytes(scratch_ / "a.tar", tar_member("1.jpg", "") + std::string(2048, 'x'));
  InputReader reader;
  for (const std::size_t i : {2, 1, 2}) {
    EXPECT_EQ(error_code_of([&] { reader.read(inputs.files[i]); }), ErrorCode::CorruptFile);
  }
  EXPECT_NE(error_code_of([&] { reader.read(inputs.files[0]); }), ErrorCode::CorruptFile)
      << "it lies before the damage";
}

TEST_F(ArchiveInputs, ATarIsReadFromStandardInput) {
  write_bytes(scratch_ / "a.tar", tar_of({"1.jpg", "2.jpg"}));
  const int before = ::dup(0);
  const int tar = ::open((scratch_ / "a.tar").c_str(), O_RDONLY | O_CLOEXEC);
  ::dup2(tar, 0);
  ::close(tar);
  EXPECT_THAT(names(ArchiveSamples({.path = "-", .name = "stdin", .archive = true}, {})),
              ElementsAre("stdin/1.jpg", "stdin/2.jpg"));
  ::dup2(before, 0);
  ::close(before);
}

TEST_F(ArchiveInputs, FoldersGiveTheImagesOfTheirArchives) {
  write_bytes(scratch_ / "in/b.tar", tar_of({"1.jpg", "1.json"}));
  write_bytes(scratch_ / "in/a.jpg", "");
  write_bytes(scratch_ / "in/c.zip", zip_of({"x/2.png", "../3.png"}));
  write_bytes(scratch_ / "in/no-ending", tar_of({"4.jpg"}));
  write_bytes(scratch_ / "in/d.tar", "this is no archive");
  const Inputs inputs = collect({scratch_ / "in"});
  EXPECT_THAT(names(inputs),
              ElementsAre("a.jpg", "b/1.jpg", "c/x/2.png", "failed: 3.png", "failed: d.tar"));
  EXPECT_THAT(left_out(inputs.left_out), ElementsAre("other-kind 1", "other-field 1"));
  EXPECT_THAT(names(collect({scratch_ / "in"}, {.expand_archives = false})),
              ElementsAre("a.jpg", "b.tar", "c.zip", "d.tar"));
}

TEST_F(ArchiveInputs, AGivenArchiveMayBeCalledAnything) {
  write_bytes(scratch_ / "a", tar_of({"1.jpg"}));
  write_bytes(scratch_ / "b.dat", zip_of({"labels.csv", "2.jpg"}));
  write_bytes(scratch_ / "list.txt", scratch_ / "a");
  EXPECT_THAT(names(collect({scratch_ / "list.txt", scratch_ / "b.dat"})),
              ElementsAre("a/1.jpg", "b.dat/2.jpg"));
}

TEST_F(ArchiveInputs, ZipsOfOtherProgramsAreNoArchives) {
  write_bytes(scratch_ / "model.pth", zip_of({"model/data.pkl", "model/data/0"}));
  write_bytes(scratch_ / "arrays.npz", zip_of({"a.npy"}));
  write_bytes(scratch_ / "text.docx", zip_of({"[Content_Types].xml", "word/media/image1.png"}));
  write_bytes(scratch_ / "other", zip_of({"data"}));
  EXPECT_THAT(names(collect({scratch_ / "model.pth", scratch_ / "arrays.npz",
                             scratch_ / "text.docx", scratch_ / "other"})),
              ElementsAre("model.pth", "arrays.npz", "text.docx", "other"))
      << "they are refused as files of other kinds";
}

TEST_F(ArchiveInputs, ATarOnStandardInputIsAskedForByName) {
  const Inputs inputs = collect({"tar:-", "tar:-"}, {.expand_archives = false});
  ASSERT_EQ(inputs.files.size(), 1u);
  EXPECT_EQ(inputs.files[0].path, "-");
  EXPECT_EQ(inputs.files[0].name, "stdin");
  EXPECT_TRUE(inputs.files[0].archive);
  EXPECT_EQ(error_code_of([&] { collect({"tar:-"}); }), ErrorCode::InvalidArgument);
  std::istringstream tar(tar_of({"1.jpg"}));
  EXPECT_EQ(error_code_of(
                [&] { collect_inputs(std::vector<std::string>{"-"}, {.archives = true}, tar); }),
            ErrorCode::UnsupportedFormat)
      << "a dash alone is a list";
}

TEST_F(ArchiveInputs, KeysOfImagesNeedATar) {
  write_bytes(scratch_ / "a.zip", zip_of({"1.jpg"}));
  write_bytes(scratch_ / "b.tar", tar_of({"1.jpg", "1.png"}));
  const InputRules rules{.image_keys = {"png"}};
  EXPECT_EQ(error_code_of([&] { collect({scratch_ / "a.zip"}, rules); }),
            ErrorCode::InvalidArgument);
  EXPECT_THAT(names(collect({scratch_ / "a.zip", scratch_ / "b.tar"}, rules)),
              ElementsAre("a/1.jpg", "b/1.png"));
}

TEST_F(ArchiveInputs, AnArchiveThatIsGivenTwiceCountsOnce) {
  write_bytes(scratch_ / "in/a.tar", tar_of({"1.jpg"}));
  const Inputs inputs = collect({scratch_ / "in/a.tar", scratch_ / "in"});
  EXPECT_THAT(names(inputs), ElementsAre("a/1.jpg"));
  EXPECT_THAT(left_out(inputs.left_out), ElementsAre("repeated 1"));
}

}  // namespace
}  // namespace sapiens::cli
