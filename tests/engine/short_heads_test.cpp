#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "float_tensors.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using test::FloatTensor;

// The encoder of a segmentation checkpoint with a last layer alone, of so many classes.
class ShortHead : public testing::Test {
 protected:
  std::filesystem::path write(Index classes, std::map<std::string, std::string> metadata) {
    std::vector<FloatTensor> tensors;
    Index width = 0;
    for (FloatTensor& tensor : test::read_floats(golden_.file("seg.pth"))) {
      if (tensor.key == "backbone.ln1.weight") width = tensor.shape[0];
      if (tensor.key.starts_with("backbone.")) tensors.push_back(std::move(tensor));
    }
    const auto add = [&](const char* key, std::vector<Index> shape, Index count) {
      std::vector<float> values(static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 3;
      tensors.push_back({.key = key, .shape = std::move(shape), .values = std::move(values)});
    };
    add("decode_head.conv_seg.weight", {classes, width, 1, 1}, classes * width);
    add("decode_head.conv_seg.bias", {classes}, classes);
    metadata["sapiens.heads"] = "4";
    test::write_floats(scratch_ / "short.safetensors", tensors, metadata);
    return scratch_ / "short.safetensors";
  }

  Inspection inspect(Index classes, std::map<std::string, std::string> metadata) {
    return Checkpoint::open(write(classes, std::move(metadata))).inspect();
  }

  Scratch scratch_;
  Golden golden_{"task_seg"};
};

TEST_F(ShortHead, IsIncompleteUnlessTheFileSaysSo) {
  EXPECT_EQ(inspect(5, {}).report.verdict, Verdict::Incomplete);
  EXPECT_EQ(inspect(5, {{"sapiens.head_layers", "0x0"}}).report.verdict, Verdict::Exact);
  // A layer that should be there is missed, and nonsense is no information.
  for (const char* layers : {"1x0", "0x1", "0", "0x", "x0", "-1x0", "0x65", "0x0x0"}) {
    EXPECT_EQ(inspect(5, {{"sapiens.head_layers", layers}}).report.verdict, Verdict::Incomplete)
        << layers;
  }
}

TEST_F(ShortHead, WithoutOutputsIsRefused) {
  const std::map<std::string, std::string> metadata{{"sapiens.head_layers", "0x0"}};
  EXPECT_EQ(inspect(0, metadata).report.verdict, Verdict::Incomplete);
  EXPECT_THROW(TaskModel(Checkpoint::open(write(0, metadata))), Error);
}

TEST_F(ShortHead, RunsAndIsConverted) {
  const std::filesystem::path file = write(5, {{"sapiens.head_layers", "0x0"}});
  const Image image = Image::read(golden_.file("image.png"));
  TaskModel model(Checkpoint::open(file));
  const auto found = result_as<Segmentation>(model.run(image));
  for (const char* name : {"copy.pth", "copy.safetensors"}) {
    convert_checkpoint(Checkpoint::open(file), scratch_ / name, {});
    EXPECT_EQ(Checkpoint::open(scratch_ / name).inspect().report.verdict, Verdict::Exact);
    TaskModel copy(Checkpoint::open(scratch_ / name));
    EXPECT_EQ(result_as<Segmentation>(copy.run(image)).ids, found.ids) << name;
  }
}

TEST_F(ShortHead, OfThreeOutputsIsForTheTaskThatTheFileSays) {
  const auto task = [&](std::map<std::string, std::string> metadata) {
    metadata["sapiens.head_layers"] = "0x0";
    return inspect(3, std::move(metadata)).model.task;
  };
  EXPECT_EQ(task({}), Task::Normal);
  EXPECT_EQ(task({{"sapiens.task", "seg"}}), Task::Seg);
  EXPECT_EQ(task({{"sapiens.task", "normal"}}), Task::Normal);
  // What the tensors rule out is not believed.
  EXPECT_EQ(task({{"sapiens.task", "pose"}}), Task::Normal);
  EXPECT_EQ(task({{"sapiens.task", "cats"}}), Task::Normal);
}

}  // namespace
}  // namespace sapiens
