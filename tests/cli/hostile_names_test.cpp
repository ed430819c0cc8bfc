#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/printable.hpp>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

/// Nothing that steers a terminal, on either stream.
void expect_printable(const Finished& run) {
  EXPECT_EQ(run.out, printable_lines(run.out));
  EXPECT_EQ(run.err, printable_lines(run.err));
}

class HostileNames : public testing::Test {
 protected:
  /// The tiny model with one tensor called "x ESC [2J LF error CSI RLO".
  std::string checkpoint_with_strange_name() {
    std::string path = scratch_ / "strange.safetensors";
    make_checkpoint(path);
    std::string bytes = read_bytes(path);
    const std::string key = "layers.0.attn.proj.bias";
    const std::string strange = "x\\u001b[\\u000ae\u009b\u202exyz";
    EXPECT_EQ(strange.size(), key.size());
    bytes.replace(bytes.find(key), key.size(), strange);
    write_bytes(path, bytes);
    return path;
  }

  Scratch scratch_;
  const std::string spelled_ = "x\\x1b[\\ne\\u009b\\u202exyz";
};

TEST_F(HostileNames, NamesOfTensorsAreEscaped) {
  const std::string path = checkpoint_with_strange_name();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"inspect", path}, {"inspect", "--tensors", path}}) {
    const Finished run = run_sapiens(arguments);
    expect_printable(run);
    EXPECT_THAT(run.out, HasSubstr(spelled_));
  }
  make_image(scratch_ / "a.png");
  const Finished refused =
      run_sapiens({"features", path, scratch_ / "a.png", "--output", scratch_ / "out", "--json"});
  EXPECT_EQ(refused.code, 3);
  expect_printable(refused);
}

TEST_F(HostileNames, NamesOfTensorsAreCompleteInJson) {
  const Finished run =
      run_sapiens({"inspect", "--tensors", "--json", checkpoint_with_strange_name()});
  expect_printable(run);
  EXPECT_THAT(run.out, HasSubstr("\\u009b\\u202e"));
  bool found = false;
  const Json document = run.json();
  for (const Json& tensor : document["tensors"]) {
    found = found || tensor["key"] == "x\x1b[\ne\u009b\u202exyz";
  }
  EXPECT_TRUE(found);
}

TEST_F(HostileNames, NamesOfFilesAreEscaped) {
  const std::string checkpoint = scratch_ / "\x1b[31m\nerror[internal] \u202e\xff.pth";
  make_checkpoint(checkpoint);
  const Finished inspected = run_sapiens({"inspect", checkpoint});
  EXPECT_EQ(inspected.code, 0);
  expect_printable(inspected);
  EXPECT_THAT(inspected.out, HasSubstr("\\x1b[31m\\nerror[internal] \\u202e\\xff.pth"));

  make_image(scratch_ / "in/\x1b]0;pwned\x07.png");
  make_image(scratch_ / "in/\u009b2J\n\xff.png");
  write_bytes(scratch_ / "in/\u2028broken\r.png", "no image");
  const std::vector<std::string> features = {"features",      checkpoint,
                                             scratch_ / "in", scratch_ / "no\x1b.png",
                                             "--output",      scratch_ / "out\x1b[1m"};
  const Finished run = run_sapiens(features);
  EXPECT_EQ(run.code, 1) << run.err;
  expect_printable(run);
  EXPECT_THAT(run.err, HasSubstr("failed: " + (scratch_ / "in/\\u2028broken\\r.png")));
  EXPECT_THAT(run.err, HasSubstr("no\\x1b.png"));
  EXPECT_THAT(run.out, HasSubstr("out\\x1b[1m"));

  std::vector<std::string> as_json = features;
  as_json.insert(as_json.end(), {"--json", "--resume"});
  const Finished resumed = run_sapiens(as_json);
  EXPECT_EQ(resumed.code, 1) << resumed.err;  // the settings count as the same
  expect_printable(resumed);
  EXPECT_EQ(resumed.json()["inputs"].size(), 4);
}

TEST_F(HostileNames, NamesOfOptionsAndCommandsAreEscaped) {
  for (const std::string word : {"--x\x1b[2J\r\nerror", "\u202ecommand\n", "\xff"}) {
    const Finished run = run_sapiens({word});
    EXPECT_EQ(run.code, 2);
    expect_printable(run);
  }
}

TEST_F(HostileNames, NamesOfColumnsAndOutputsAreEscaped) {
  make_image(scratch_ / "in/a.png");
  const Finished run =
      run_sapiens({"sheet", "t\x1b=" + (scratch_ / "in"), "--output", scratch_ / "s\u009b\n.png"});
  EXPECT_EQ(run.code, 0) << run.err;
  expect_printable(run);
  EXPECT_THAT(run.out, HasSubstr("s\\u009b\\n.png: 1 rows"));
}

}  // namespace
}  // namespace sapiens
