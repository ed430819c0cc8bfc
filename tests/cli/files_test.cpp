// inspect, convert, synth and bench.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

/// A safetensors file of one tensor that no Sapiens model has.
std::string foreign_safetensors() {
  const std::string header = R"({"conv1.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return bytes + header + std::string(8, '\0');
}

class Files : public testing::Test {
 protected:
  void SetUp() override { make_checkpoint(checkpoint_); }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
};

TEST_F(Files, AreNotWrittenInPlaceOfAFolder) {
  make_image(scratch_ / "a.png");
  make_checkpoint(scratch_ / "tiny.pth");
  const std::string out = scratch_ / "out";
  ASSERT_EQ(
      run_sapiens({"features", scratch_ / "tiny.pth", scratch_ / "a.png", "--output", out}).code,
      0);
  std::string result;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    if (entry.path().extension() == ".npy") result = entry.path().string();
  }
  std::filesystem::remove(result);
  std::filesystem::create_directory(result);  // empty
  const Finished run =
      run_sapiens({"features", scratch_ / "tiny.pth", scratch_ / "a.png", "--output", out});
  EXPECT_EQ(run.code, 5) << run.err;
  EXPECT_NE(run.err.find("folder"), std::string::npos) << run.err;
  EXPECT_TRUE(std::filesystem::is_directory(result));
  for (const std::string copy : {"copy.pth", "copy.safetensors"}) {
    std::filesystem::create_directory(scratch_ / copy);
    EXPECT_EQ(run_sapiens({"convert", scratch_ / "tiny.pth", scratch_ / copy}).code, 5);
    EXPECT_TRUE(std::filesystem::is_directory(scratch_ / copy));
  }
}

TEST_F(Files, InspectTellsPeopleAndPrograms) {
  const Finished text = run_sapiens({"inspect", checkpoint_});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("features"));

  const Finished run = run_sapiens({"inspect", checkpoint_, "--json"});
  EXPECT_EQ(run.code, 0);
  const Json document = run.json();
  EXPECT_EQ(document["file"]["path"], checkpoint_);
  EXPECT_EQ(document["report"]["required"], document["report"]["bound"]);
  EXPECT_FALSE(document.contains("tensors"));
}

TEST_F(Files, InspectListsTensorsOnRequest) {
  const Finished run = run_sapiens({"inspect", checkpoint_, "--tensors", "--json"});
  const Json document = run.json();
  EXPECT_EQ(document["tensors"].size(), document["file"]["tensors"].get<std::size_t>());
  EXPECT_THAT(run_sapiens({"inspect", checkpoint_, "--tensors"}).out, HasSubstr("pos_embed"));
}

TEST_F(Files, InspectOfAMissingFileExitsWithFour) {
  const Finished run = run_sapiens({"inspect", scratch_ / "none.pth", "--json"});
  EXPECT_EQ(run.code, 4);
  const Json document = run.json();
  EXPECT_EQ(document["file"]["path"], scratch_ / "none.pth");
  EXPECT_TRUE(document["report"]["verdict"].is_null());
  EXPECT_EQ(document["error"]["code"], "not-found");
}

TEST_F(Files, InspectOfADamagedFileHasTheSameDocument) {
  const std::string bytes = read_bytes(checkpoint_);
  write_bytes(scratch_ / "cut.pth", bytes.substr(0, bytes.size() / 2));
  const Finished run = run_sapiens({"inspect", scratch_ / "cut.pth", "--json"});
  EXPECT_EQ(run.code, 4);
  const Json damaged = run.json();
  EXPECT_EQ(damaged["report"]["verdict"], "incomplete");
  EXPECT_EQ(damaged["file"]["bytes"], bytes.size() / 2);
  const Json whole = run_sapiens({"inspect", checkpoint_, "--json"}).json();
  for (const char* part : {"file", "model", "report", "outputs"}) {
    for (const auto& [field, value] : whole[part].items()) {
      EXPECT_TRUE(damaged[part].contains(field)) << part << "." << field;
    }
  }
}

TEST_F(Files, InspectOfSomethingElseSaysForeign) {
  write_bytes(scratch_ / "page.pth", "<!DOCTYPE html><html>404</html>");
  const Finished run = run_sapiens({"inspect", scratch_ / "page.pth", "--json"});
  EXPECT_EQ(run.code, 4);
  EXPECT_EQ(run.json()["report"]["verdict"], "foreign");
  EXPECT_EQ(run.json()["error"]["code"], "unsupported-format");
}

TEST_F(Files, InspectOfATruncatedFileExitsWithFour) {
  const std::string bytes = read_bytes(checkpoint_);
  write_bytes(scratch_ / "half.pth", bytes.substr(0, bytes.size() / 2));
  const Finished run = run_sapiens({"inspect", scratch_ / "half.pth"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("half.pth"));
}

TEST_F(Files, InspectOfAForeignOrIncompleteModelExitsWithThree) {
  write_bytes(scratch_ / "foreign.safetensors", foreign_safetensors());
  const Finished foreign = run_sapiens({"inspect", scratch_ / "foreign.safetensors", "--json"});
  EXPECT_EQ(foreign.code, 3) << foreign.err;
  EXPECT_EQ(foreign.json()["report"]["verdict"], "foreign");

  make_incomplete_checkpoint(scratch_ / "broken.safetensors");
  const Finished incomplete = run_sapiens({"inspect", scratch_ / "broken.safetensors", "--json"});
  EXPECT_EQ(incomplete.code, 3) << incomplete.err;
  EXPECT_EQ(incomplete.json()["report"]["verdict"], "incomplete");
}

TEST_F(Files, ConvertedFilesAreComplete) {
  for (const std::string output : {"copy.safetensors", "copy.pth"}) {
    for (const std::string layout : {"clean", "mmengine"}) {
      const Finished run =
          run_sapiens({"convert", checkpoint_, scratch_ / output, "--layout", layout, "--json"});
      ASSERT_EQ(run.code, 0) << run.err;
      EXPECT_EQ(run.json()["output"]["file"]["path"], scratch_ / output);
      EXPECT_EQ(run_sapiens({"inspect", scratch_ / output}).code, 0);
    }
  }
}

TEST_F(Files, ConvertRefusesAnIncompleteModelAndWritesNothing) {
  make_incomplete_checkpoint(scratch_ / "broken.safetensors");
  const Finished run =
      run_sapiens({"convert", scratch_ / "broken.safetensors", scratch_ / "copy.pth", "--json"});
  EXPECT_EQ(run.code, 3) << run.err;
  EXPECT_EQ(run.json()["error"]["code"], "checkpoint-refused");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "copy.pth"));
}

TEST_F(Files, SynthOfEqualSeedsIsEqual) {
  const std::string other = scratch_ / "other.pth";
  run_sapiens({"synth", other, "--arch", "tiny"});
  EXPECT_EQ(read_bytes(other), read_bytes(checkpoint_));
  run_sapiens({"synth", other, "--arch", "tiny", "--seed", "2"});
  EXPECT_NE(read_bytes(other), read_bytes(checkpoint_));
}

TEST_F(Files, SynthReportsWhatItWrote) {
  const Finished run = run_sapiens({"synth", scratch_ / "new.pth", "--arch", "tiny", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["output"]["file"]["path"], scratch_ / "new.pth");
  EXPECT_EQ(run.json()["seed"], 1);
}

TEST_F(Files, CommandsToCopyAreQuotedForTheShell) {
  const std::string path = scratch_ / "it's mine.pth";
  std::filesystem::copy_file(checkpoint_, path);
  EXPECT_THAT(run_sapiens({"inspect", path}).out, HasSubstr("it'\\''s mine.pth' fixed.pth"));
}

TEST_F(Files, SynthIntoNowhereExitsWithFive) {
  const Finished run = run_sapiens({"synth", scratch_ / "no/folder/x.pth", "--arch", "tiny"});
  EXPECT_EQ(run.code, 5) << run.err;
}

TEST_F(Files, BenchMeasuresFilesAndRandomWeights) {
  for (const std::vector<std::string>& model :
       {std::vector<std::string>{checkpoint_}, {"--arch", "tiny"}}) {
    std::vector<std::string> arguments = {"bench", "--repeat", "2", "--threads", "1", "--json"};
    arguments.insert(arguments.end(), model.begin(), model.end());
    const Finished run = run_sapiens(arguments);
    ASSERT_EQ(run.code, 0) << run.err;
    const Json document = run.json();
    EXPECT_GT(document["seconds"]["median"], 0);
    EXPECT_GT(document["gflops"], 0);
    EXPECT_GT(document["memory"]["peak_rss"], 0);
    EXPECT_EQ(document["threads"], 1);
  }
}

}  // namespace
}  // namespace sapiens
