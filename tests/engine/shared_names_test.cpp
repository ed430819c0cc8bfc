// safetensors.torch.save_model stores a tensor of several names once and notes the other names in
// its metadata. A missing name is looked for there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "float_tensors.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/features.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;
using testing::Not;

using Tensor = test::FloatTensor;
using Names = std::map<std::string, std::string>;

class SharedNames : public testing::Test {
 protected:
  Checkpoint write(const std::string& name, const std::vector<Tensor>& tensors,
                   const Names& metadata) {
    test::write_floats(scratch_ / name, tensors, metadata);
    return Checkpoint::open(scratch_ / name);
  }

  static Tensor& find(std::vector<Tensor>& tensors, const std::string& key) {
    return *std::ranges::find(tensors, key, &Tensor::key);
  }

  // Gives the tensors that `kept_name` maps to another name the values of that name, and writes
  // the model whole and as save_model does.
  std::pair<Checkpoint, Checkpoint> share(std::vector<Tensor> tensors,
                                          const std::function<std::string(std::string)>& kept_name,
                                          std::size_t& count) {
    Names aliases;
    for (Tensor& tensor : tensors) {
      const std::string kept = kept_name(tensor.key);
      if (kept == tensor.key) continue;
      tensor.values = find(tensors, kept).values;
      aliases[tensor.key] = kept;
    }
    const Checkpoint whole = write("whole.safetensors", tensors, {});
    std::erase_if(tensors, [&](const Tensor& tensor) { return aliases.contains(tensor.key); });
    count = aliases.size();
    aliases["format"] = "pt";
    return {whole, write("shared.safetensors", tensors, aliases)};
  }

  std::vector<float> features(const Checkpoint& file) {
    Encoder model(file, golden_.options(), exact());
    const FloatArray input = golden_.array("input");
    return model.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers.at(0).values.values;
  }

  static Index followed(const Report& report) {
    const auto rule = std::ranges::find(report.rules, "follow a shared name", &AppliedRule::rule);
    return rule == report.rules.end() ? 0 : rule->count;
  }

  Golden golden_{"names"};
  Scratch scratch_;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST_F(SharedNames, SharedNamesOfADetectorHeadAreFollowed) {
  const Golden rtmdet("rtmdet");
  std::size_t count = 0;
  const auto [whole, shared] = share(
      test::read_floats(rtmdet.file("rtmdet.pth")),
      [](std::string key) {
        for (const char* level : {"1.", "2."}) {
          for (const std::string convs : {"bbox_head.cls_convs.", "bbox_head.reg_convs."}) {
            if (key.starts_with(convs + level) && key.ends_with(".conv.weight")) {
              return replaced(key, convs + level, convs + "0.");
            }
          }
        }
        return key;
      },
      count);
  ASSERT_EQ(count, 8u);
  const Inspection inspection = shared.inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_EQ(followed(inspection.report), 8);
  EXPECT_THAT(inspection.text(), HasSubstr("follow a shared name (8 parameters)"));
  EXPECT_TRUE(inspection.report.missing.empty());

  Image image{.width = 64, .height = 48, .rgb = {}};
  for (int i = 0; i < 64 * 48 * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * 37 % 251));
  const auto boxes_of = [&](const Checkpoint& file) {
    PersonDetector detector(file);
    DetectOptions options;
    options.min_score = 0.0f;
    std::vector<float> numbers;
    for (const Box& box : detector.detect(image, options).persons) {
      numbers.insert(numbers.end(), {box.x, box.y, box.width, box.height, box.score});
    }
    return numbers;
  };
  EXPECT_EQ(boxes_of(shared), boxes_of(whole));
}

// A network that shares one block, its last one too: the depth is known from names that are notes.
TEST_F(SharedNames, SharedNamesOfWholeBlocksAreFollowed) {
  std::size_t count = 0;
  const auto [whole, shared] = share(
      test::read_floats(golden_.file("plain.pth")),
      [](std::string key) {
        return key.starts_with("layers.1.") ? replaced(key, "layers.1.", "layers.0.") : key;
      },
      count);
  ASSERT_EQ(count, 12u);
  const Inspection inspection = shared.inspect(golden_.options());
  EXPECT_TRUE(is_usable(inspection.report.verdict));
  EXPECT_EQ(inspection.model.depth, 2);
  EXPECT_EQ(followed(inspection.report), 12);
  EXPECT_EQ(followed(whole.inspect(golden_.options()).report), 0);
  const std::vector<float> expected = features(whole);
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(features(shared), expected);

  convert_checkpoint(shared, scratch_ / "out.pth", {.model = golden_.options()});
  EXPECT_EQ(features(Checkpoint::open(scratch_ / "out.pth")), expected);
}

TEST_F(SharedNames, SharedNamesAcrossPrefixesAreFollowed) {
  std::vector<Tensor> tensors = test::read_floats(golden_.file("plain.pth"));
  for (Tensor& tensor : tensors) tensor.key.insert(0, "backbone.");
  const Checkpoint whole = write("whole.safetensors", tensors, {});
  find(tensors, "backbone.pos_embed").key = "a_tokens.table";
  find(tensors, "backbone.patch_embed.projection.weight").key = "a_tokens.patch";
  const Checkpoint shared = write("shared.safetensors", tensors,
                                  {{"backbone.pos_embed", "a_tokens.table"},
                                   {"backbone.patch_embed.projection.weight", "a_tokens.patch"}});
  EXPECT_EQ(followed(shared.inspect(golden_.options()).report), 2);
  EXPECT_EQ(features(shared), features(whole));
}

// A note that names a tensor where nothing is missing changes nothing, and one that leads nowhere
// helps nobody.
TEST_F(SharedNames, AreFollowedOnlyWhereANameIsMissingAndLeadsToATensor) {
  std::vector<Tensor> tensors = test::read_floats(golden_.file("plain.pth"));
  const Checkpoint noted =
      write("noted.safetensors", tensors,
            {{"best_layer", "layers.0.ln1.weight"}, {"ln1.bias", "layers.0.ln1.bias"}});
  EXPECT_EQ(followed(noted.inspect(golden_.options()).report), 0);
  EXPECT_THAT(noted.inspect(golden_.options()).text(), Not(HasSubstr("best_layer")));
  EXPECT_EQ(features(noted), features(Checkpoint::open(golden_.file("plain.pth"))));

  std::erase_if(tensors, [](const Tensor& tensor) { return tensor.key == "ln1.bias"; });
  for (const Names& metadata : {Names{{"ln1.bias", "nowhere"}}, Names{{"ln1.bias", "ln1.bias"}},
                                Names{{"ln1.bias", "a"}, {"a", "layers.0.ln1.bias"}},
                                Names{{"ln1.bias", "a"}, {"a", "ln1.bias"}}}) {
    const Report report =
        write("broken.safetensors", tensors, metadata).inspect(golden_.options()).report;
    EXPECT_EQ(report.verdict, Verdict::Incomplete);
    ASSERT_EQ(report.missing.size(), 1u);
    EXPECT_EQ(report.missing[0].key, "ln1.bias");
  }
}

// A shape that does not fit is refused under either name.
TEST_F(SharedNames, SharedNamesOfAnotherShapeAreRefused) {
  std::vector<Tensor> tensors = test::read_floats(golden_.file("plain.pth"));
  std::erase_if(tensors, [](const Tensor& tensor) { return tensor.key == "ln1.bias"; });
  const Report report =
      write("shape.safetensors", tensors, {{"ln1.bias", "layers.0.ffn.layers.0.0.bias"}})
          .inspect(golden_.options())
          .report;
  EXPECT_EQ(report.verdict, Verdict::Incomplete);
  ASSERT_EQ(report.mismatched.size(), 1u);
}

}  // namespace
}  // namespace sapiens
