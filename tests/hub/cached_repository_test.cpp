// The layout of the cache that Hugging Face's tools share, and what is not taken from it.
#include "hub/cached_repository.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "support/scratch.hpp"

namespace sapiens::hub {
namespace {

namespace fs = std::filesystem;

const std::string kCommit(40, 'c');
const std::string kDigest(64, 'd');

TEST(RepositoryNames, AreThoseOfTheHub) {
  for (const char* name :
       {"facebook/sapiens-seg-0.3b", "timm/vit_5b_patch16_sapiens2.fb", "gpt2"}) {
    EXPECT_TRUE(is_repository(name)) << name;
  }
  for (const char* name : {"", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a/.b", "a--b/c", "a/b c",
                           "a\\b", "a/b\n", "a/b..c", "a/\xc3\xa9"}) {
    EXPECT_FALSE(is_repository(name)) << name;
  }
  EXPECT_FALSE(is_repository(std::string(97, 'a')));
}

TEST(RepositoryPaths, StayInTheRepository) {
  for (const char* path : {"model.safetensors", "a/b/c d.pth", "..a/b.."}) {
    EXPECT_TRUE(is_path_in_repository(path)) << path;
  }
  for (const char* path : {"", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\n"}) {
    EXPECT_FALSE(is_path_in_repository(path)) << path;
  }
}

class Repository : public testing::Test {
 protected:
  void SetUp() override {
    write_bytes(repository_.blob(kDigest), "content");
    write_bytes(repository_.main(), kCommit);
    link("../../blobs/" + kDigest);
  }

  void link(const fs::path& target) {
    fs::create_directories(pointer_.parent_path());
    fs::remove(pointer_);
    fs::create_symlink(target, pointer_);
  }

  fs::path found() const { return repository_.find("model.safetensors"); }

  Scratch scratch_;
  fs::path cache_ = scratch_.path() / "hub";
  CachedRepository repository_{cache_, "timm/vit"};
  fs::path pointer_ = cache_ / "models--timm--vit/snapshots" / kCommit / "model.safetensors";
};

TEST_F(Repository, HasTheLayoutOfHuggingFace) {
  EXPECT_EQ(repository_.folder(), cache_ / "models--timm--vit");
  EXPECT_EQ(repository_.blob("d"), repository_.folder() / "blobs/d");
  EXPECT_EQ(repository_.main(), repository_.folder() / "refs/main");
  EXPECT_EQ(repository_.snapshot(kCommit, "model.safetensors"), pointer_);
  EXPECT_EQ(repository_.lock("d"), cache_ / ".locks/models--timm--vit/d.lock");
  EXPECT_EQ(CachedRepository::of_blob(repository_.blob("d")).lock("d"), repository_.lock("d"));
  EXPECT_EQ(CachedRepository(cache_, "gpt2").folder(), cache_ / "models--gpt2");
}

TEST_F(Repository, FindsTheFileOfTheCommitInMain) {
  EXPECT_EQ(found(), pointer_);
  EXPECT_EQ(repository_.size_of(found()), 7);
  EXPECT_EQ(CachedRepository::blob_name(found()), kDigest);
  write_bytes(repository_.main(), kCommit + "\n");
  EXPECT_EQ(found(), pointer_);
  EXPECT_TRUE(repository_.find("config.json").empty());
}

TEST_F(Repository, FindsContentInTheStoreThatRepositoriesShare) {
  fs::remove(repository_.blob(kDigest));
  write_bytes(cache_ / "blobs/ab/abcd", "content");
  fs::create_symlink("../../blobs/ab/abcd", repository_.blob(kDigest));
  EXPECT_EQ(found(), pointer_);
  EXPECT_EQ(CachedRepository::blob_name(found()), kDigest);
}

TEST_F(Repository, MayLieOnAnotherDisk) {
  fs::rename(repository_.folder(), scratch_.path() / "elsewhere");
  fs::create_symlink(scratch_.path() / "elsewhere", repository_.folder());
  EXPECT_EQ(found(), pointer_);
}

TEST_F(Repository, FindsNothingByAReferenceThatIsNoCommit) {
  write_bytes(cache_ / "models--timm--vit/snapshots/main/model.safetensors", "content");
  write_bytes(scratch_ / "model.safetensors", "content");
  for (const std::string& text :
       {std::string(), std::string("main"), std::string("../../../"), std::string(".."),
        std::string(40, '\0'), std::string(40, 'C'), std::string("c"), std::string("/"),
        std::string(39, 'c'), std::string(41, 'c')}) {
    write_bytes(repository_.main(), text);
    EXPECT_TRUE(found().empty()) << text;
  }
  fs::remove(repository_.main());
  EXPECT_TRUE(found().empty());
  fs::create_directory(repository_.main());
  EXPECT_TRUE(found().empty());
}

TEST_F(Repository, TakesNoLinkThatLeavesTheCacheOrLeadsNowhere) {
  write_bytes(scratch_ / "hub-outside", "content");  // begins like the cache's own path
  for (const fs::path& target : {fs::path(scratch_ / "hub-outside"), fs::path("/etc/passwd"),
                                 fs::path("../../../../hub-outside"), fs::path("../../blobs/none"),
                                 fs::path("../../blobs"), fs::path("model.safetensors")}) {
    link(target);
    EXPECT_TRUE(found().empty()) << target;
  }
}

TEST_F(Repository, TakesNoUnfinishedDownload) {
  for (const char* ending : {".incomplete", ".1234abcd.incomplete", ".partial"}) {
    const fs::path blob = repository_.blob(kDigest + ending);
    write_bytes(blob, "content");
    link("../../blobs/" + blob.filename().string());
    EXPECT_TRUE(found().empty()) << ending;
  }
  write_bytes(repository_.blob("empty"), "");
  link("../../blobs/empty");
  EXPECT_TRUE(found().empty());
}

TEST_F(Repository, KnowsThePartialFileOfAPathByItsRecord) {
  EXPECT_EQ(repository_.partial_size_of("model.safetensors"), 0);
  const std::string partial = repository_.blob(kDigest).string() + ".partial";
  write_bytes(partial, "cont");
  EXPECT_EQ(repository_.partial_size_of("model.safetensors"), 0);
  write_bytes(partial + ".json",
              R"({"url": "https://hub/timm/vit/resolve/main/model.safetensors"})");
  EXPECT_EQ(repository_.partial_size_of("model.safetensors"), 4);
  EXPECT_EQ(repository_.partial_size_of("odel.safetensors"), 0);
}

}  // namespace
}  // namespace sapiens::hub
