#include "engine/nested_meta.hpp"

#include <gtest/gtest.h>

#include "checkpoint/state_dict.hpp"
#include "sapiens/checkpoint.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using NoteMap = std::map<std::string, std::string>;
using List = PlainValue::List;
using Dict = PlainValue::Dict;

/// The value under `key`; an empty text where there is none.
PlainValue at(const Dict& dict, const std::string& key) {
  for (const auto& [name, value] : dict) {
    if (name == PlainValue{key}) return value;
  }
  return {};
}

Dict dataset_of(const NoteMap& notes) {
  const PlainValue dataset = at(nested_meta(notes), "dataset_meta");
  const Dict* const dict = std::get_if<Dict>(&dataset.value);
  return dict ? *dict : Dict{};
}

TEST(NestedMeta, GivesEveryEntryTheFormThatMmengineHas) {
  const Dict dataset = dataset_of({{"dataset_meta.classes.0", "1"},  // named so, no number
                                   {"dataset_meta.classes.1", "arm"},
                                   {"dataset_meta.palette.0.0", "255"},
                                   {"dataset_meta.palette.0.1", "0"},
                                   {"dataset_meta.palette.1.0", "7"},
                                   {"dataset_meta.num_keypoints", "2"},
                                   {"dataset_meta.sigmas.0", "0.026"},
                                   {"dataset_meta.sigmas.1", "1"},
                                   {"dataset_meta.keypoint_id2name.10", "tip"},
                                   {"dataset_meta.keypoint_id2name.2", "17"},
                                   {"dataset_meta.keypoint_name2id.left.eye", "0"}});
  EXPECT_EQ(at(dataset, "classes"), (PlainValue{List{{"1"}, {"arm"}}}));
  EXPECT_EQ(at(dataset, "palette"),
            (PlainValue{List{{List{{Index{255}}, {Index{0}}}}, {List{{Index{7}}}}}}));
  EXPECT_EQ(at(dataset, "num_keypoints"), (PlainValue{Index{2}}));
  EXPECT_EQ(at(dataset, "sigmas"), (PlainValue{List{{0.026}, {Index{1}}}}));
  EXPECT_EQ(at(dataset, "keypoint_id2name"),
            (PlainValue{Dict{{{Index{2}}, {"17"}}, {{Index{10}}, {"tip"}}}}));
  EXPECT_EQ(at(dataset, "keypoint_name2id"), (PlainValue{Dict{{{"left.eye"}, {Index{0}}}}}));
}

TEST(NestedMeta, LosesNothingThatHasAnotherForm) {
  const NoteMap strange = {{"dataset_meta.classes.0", "a"},
                           {"dataset_meta.classes.2", "a list has no gap"},
                           {"dataset_meta.palette.0", "red"},
                           {"dataset_meta.sigmas", "1"},
                           {"dataset_meta.sigmas.0", "a number has no items"},
                           {"dataset_meta.flip_pairs.0.0.0.0", "1"},
                           {"dataset_meta.keypoint_id2name.x", "tip"},
                           {"dataset_meta.keypoint_name2id.tip", "first"},
                           {"dataset_meta.made_up", "1"},
                           {"sapiens.task", "pose"}};
  const Dict meta = nested_meta(strange);
  ASSERT_EQ(meta.size(), strange.size());
  for (const auto& [key, value] : strange) EXPECT_EQ(at(meta, key), PlainValue{value}) << key;
}

TEST(NestedMeta, IsWhatTrainingWrote) {
  const Scratch scratch;
  const auto about_data = [](const std::filesystem::path& file) {
    NoteMap notes;
    for (const auto& [key, value] : open_checkpoint(file).metadata) {
      if (key.starts_with("meta.dataset_meta.")) notes[key] = value;
    }
    return notes;
  };
  for (const auto& [folder, name] :
       {std::pair("task_pose", "pose.pth"), std::pair("pose_21_user", "pose.pth"),
        std::pair("seg_5_user", "seg.pth")}) {
    SCOPED_TRACE(folder);
    const Golden golden(folder);
    const NoteMap before = about_data(golden.file(name));
    ASSERT_FALSE(before.empty());
    ConvertOptions options;
    options.model.heads = folder == std::string("seg_5_user") ? 6 : 4;
    for (const char* out : {"a.safetensors", "b.pth"}) {
      convert_checkpoint(Checkpoint::open(golden.file(name)), scratch / out, options);
      EXPECT_EQ(about_data(scratch / out), before) << out;
    }
    // Nothing of it is left flat: mmengine knows all that it wrote.
    NoteMap inside;
    for (const auto& [key, value] : before) inside[key.substr(std::string("meta.").size())] = value;
    EXPECT_EQ(nested_meta(inside).size(), 1u);
  }
}

}  // namespace
}  // namespace sapiens
