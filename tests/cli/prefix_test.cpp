// --prefix: one of several models in one file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// The tensors of a safetensors file.
struct Stored {
  Json header;
  std::string bytes;
};

Stored read_stored(const std::string& path) {
  const std::string file = read_bytes(path);
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  return {Json::parse(file.substr(8, size)), file.substr(8 + size)};
}

/// Both files in one, each under its own prefix.
void join(const Stored& a, const std::string& a_prefix, const Stored& b,
          const std::string& b_prefix, const std::string& path) {
  Json header = {{"__metadata__", a.header.at("__metadata__")}};
  for (const auto& [key, tensor] : a.header.items()) {
    if (key != "__metadata__") header[a_prefix + key] = tensor;
  }
  for (const auto& [key, stored] : b.header.items()) {
    if (key == "__metadata__") continue;
    Json tensor = stored;
    for (auto& offset : tensor["data_offsets"]) {
      offset = offset.get<std::size_t>() + a.bytes.size();
    }
    header[b_prefix + key] = std::move(tensor);
  }
  const std::string text = header.dump();
  const std::uint64_t size = text.size();
  std::string file(reinterpret_cast<const char*>(&size), sizeof size);
  write_bytes(path, file + text + a.bytes + b.bytes);
}

class Prefix : public testing::Test {
 protected:
  void SetUp() override {
    make_image(image_);
    for (const char* seed : {"1", "2"}) {
      const std::string path = scratch_ / (std::string(seed) + ".safetensors");
      ASSERT_EQ(
          run_sapiens({"synth", path, "--arch", "tiny", "--task", "seg", "--seed", seed}).code, 0);
    }
    join(read_stored(scratch_ / "1.safetensors"), "net_a.", read_stored(scratch_ / "2.safetensors"),
         "net_b.", both_);
  }

  std::string seg(const std::string& checkpoint, const std::string& prefix) {
    const std::string output = scratch_ / ("out-" + std::to_string(++runs_));
    std::vector<std::string> arguments = {"seg", checkpoint, image_, "-o", output};
    if (!prefix.empty()) arguments.insert(arguments.end(), {"--prefix", prefix});
    const Finished run = run_sapiens(arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    return read_bytes(output + "/image_seg.npy");
  }

  Scratch scratch_;
  std::string both_ = scratch_ / "both.safetensors";
  std::string image_ = scratch_ / "image.png";
  int runs_ = 0;
};

TEST_F(Prefix, ChoosesTheModelWithItsHead) {
  EXPECT_EQ(seg(both_, "net_a"), seg(scratch_ / "1.safetensors", ""));
  EXPECT_EQ(seg(both_, "net_b."), seg(scratch_ / "2.safetensors", ""));
}

TEST_F(Prefix, IsAskedForByEveryCommand) {
  const std::string out = scratch_ / "refused";
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"inspect", both_},
        {"features", both_, image_, "-o", out},
        {"seg", both_, image_, "-o", out},
        {"run", image_, "--seg", both_, "-o", out},
        {"bench", both_, "--repeat", "1"},
        {"convert", both_, scratch_ / "copy.safetensors"},
        {"serve", "--port", "0", "--model", "seg=" + both_}}) {
    const Finished run = run_sapiens(command);
    EXPECT_EQ(run.code, 3) << command[0] << run.err;
    EXPECT_THAT(run.out + run.err,
                AllOf(HasSubstr("--prefix net_a.backbone"), HasSubstr("--prefix net_b.backbone")))
        << command[0];
  }
}

TEST_F(Prefix, IsToldWithWhatWasLeft) {
  const Finished inspected = run_sapiens({"inspect", both_, "--prefix", "net_a", "--json"});
  EXPECT_EQ(inspected.code, 0);
  const Json candidates = inspected.json()["report"]["candidates"];
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0]["taken"], true);
  EXPECT_EQ(candidates[1]["prefix"], "net_b.backbone");
  EXPECT_EQ(candidates[1]["bound"], candidates[1]["required"]);
  EXPECT_THAT(inspected.out, Not(HasSubstr("`prefix`")));
  const Finished text = run_sapiens({"inspect", both_, "--prefix", "net_a"});
  EXPECT_THAT(text.out, AllOf(HasSubstr(": --prefix net_a names it"), Not(HasSubstr("`prefix`"))));

  const Finished features =
      run_sapiens({"features", both_, image_, "-o", scratch_ / "f", "--json", "--prefix", "net_a"});
  EXPECT_EQ(features.code, 0) << features.err;
  EXPECT_THAT(features.err,
              AllOf(HasSubstr("left: net_b.backbone"), HasSubstr("because --prefix net_a names it"),
                    HasSubstr(": --prefix net_a names another")));
  ASSERT_EQ(features.json()["candidates"].size(), 2u);
  EXPECT_EQ(features.json()["candidates"][0]["reason"], "--prefix net_a names it");
}

TEST_F(Prefix, IsAFlagInTheDocumentsOfCopies) {
  const Finished copied = run_sapiens({"convert", both_, scratch_ / "copy.pth", "--prefix", "net_a",
                                       "--task", "backbone", "--json"});
  EXPECT_EQ(copied.code, 0) << copied.err;
  EXPECT_THAT(copied.out,
              AllOf(HasSubstr("--prefix net_a names it"), HasSubstr("sapiens inspect --verify"),
                    Not(HasSubstr("`prefix`")), Not(HasSubstr("`verify_checkpoint`"))));
  const Finished made = run_sapiens({"synth", scratch_ / "tiny.pth", "--arch", "tiny", "--json"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out,
              AllOf(HasSubstr("sapiens inspect --verify"), Not(HasSubstr("`verify_checkpoint`"))));
}

TEST_F(Prefix, AnUnknownPrefixListsTheCandidates) {
  const Finished run = run_sapiens({"inspect", both_, "--prefix", "net_c"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, AllOf(HasSubstr("net_a.backbone"), HasSubstr("net_b.backbone")));
}

TEST_F(Prefix, AConvertedFileHasNoPrefix) {
  const std::string copy = scratch_ / "copy.safetensors";
  const Finished run = run_sapiens({"convert", both_, copy, "--prefix", "net_b"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(seg(copy, ""), seg(scratch_ / "2.safetensors", ""));
}

TEST_F(Prefix, GoesToTheTaskItIsGivenFor) {
  const std::string out = scratch_ / "run";
  const Finished run =
      run_sapiens({"run", image_, "--seg", both_, "-o", out, "--prefix", "seg=net_b"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(read_bytes(out + "/seg/image_seg.npy"), seg(scratch_ / "2.safetensors", ""));
  EXPECT_EQ(run_sapiens({"run", image_, "--seg", both_, "-o", out, "--prefix", "pose=net_b"}).code,
            2);
}

TEST_F(Prefix, APrefixWithoutACheckpointIsAUsageError) {
  EXPECT_EQ(run_sapiens({"bench", "--prefix", "net_a"}).code, 2);
}

}  // namespace
}  // namespace sapiens
