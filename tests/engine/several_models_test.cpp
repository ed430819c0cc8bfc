#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/write.hpp"
#include "engine/assess.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/tasks.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Files that are put together from the tensors of others, under other names.
class SeveralModels : public testing::Test {
 protected:
  // A tiny model's file; `seed` decides its numbers.
  const StateDict& model(const std::string& task, std::uint64_t seed,
                         const std::string& arch = "tiny") {
    const std::string name = arch + task + std::to_string(seed) + ".safetensors";
    auto& file = files_[name];
    if (!file) {
      synthesize_checkpoint(scratch_ / name,
                            {.arch = arch, .task = parse_task(task), .seed = seed});
      file = std::make_unique<StateDict>(open_checkpoint(scratch_ / name));
    }
    return *file;
  }

  // Its tensors whose names `wanted` accepts, behind `prefix` and without `without`.
  void add(const StateDict& from, const std::string& prefix, const std::string& without = "",
           const std::function<bool(const std::string&)>& wanted = {}) {
    for (const TensorEntry& tensor : from.tensors) {
      std::string name = tensor.path();
      if (wanted && !wanted(name)) continue;
      if (name.starts_with(without)) name.erase(0, without.size());
      sources_.push_back({.key = prefix + name,
                          .dtype = tensor.dtype,
                          .shape = tensor.shape,
                          .read = [&tensor](Index first, std::span<std::byte> out) {
                            read_raw(tensor, first, out);
                          }});
    }
  }
  void add_tensor(const std::string& name, std::vector<Index> shape, DType dtype = DType::F32) {
    sources_.push_back(
        {.key = name,
         .dtype = dtype,
         .shape = std::move(shape),
         .read = [](Index, std::span<std::byte> out) { std::ranges::fill(out, std::byte{0}); }});
  }

  std::string write(bool reversed = false) {
    if (reversed) std::ranges::reverse(sources_);
    const std::string path = scratch_ / (std::to_string(++written_) + ".safetensors");
    write_safetensors(path, sources_, {{"sapiens.heads", "6"}});
    return path;
  }
  Inspection inspect(const ModelOptions& options = {}) {
    return Checkpoint::open(write()).inspect(options);
  }
  static FloatArray features(const std::string& file, const ModelOptions& options = {}) {
    Encoder encoder(Checkpoint::open(file), options, exact());
    const Grid size{64, 48};
    std::vector<float> input(static_cast<std::size_t>(3 * size.patches()));
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 7) - 3.0f;
    return encoder.run({input.data(), {1, 3, size.height, size.width}}, {}).layers.at(0).values;
  }
  static std::vector<std::string> prefixes(const Inspection& inspection) {
    std::vector<std::string> names;
    for (const FoundModel& model : inspection.report.candidates) names.push_back(model.prefix);
    return names;
  }
  static std::string taken(const Inspection& inspection) {
    for (const FoundModel& model : inspection.report.candidates) {
      if (model.taken) return model.prefix;
    }
    return "none";
  }

  Scratch scratch_;
  std::map<std::string, std::unique_ptr<StateDict>> files_;
  std::vector<TensorSource> sources_;
  int written_ = 0;
};

TEST_F(SeveralModels, TwoUndescribedEncodersAreRefusedAndChosenByPrefix) {
  add(model("backbone", 1), "module.encoder_q.");
  add(model("backbone", 2), "module.encoder_k.");
  const std::string file = write();
  const Inspection inspection = Checkpoint::open(file).inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Ambiguous);
  EXPECT_THAT(prefixes(inspection), ElementsAre("module.encoder_k", "module.encoder_q"));
  EXPECT_THAT(inspection.text(), HasSubstr("`prefix` module.encoder_q  41 of 41 parameters"));
  EXPECT_THAT(inspection.text(), Not(HasSubstr("nothing else in the file does")));
  try {
    features(file);
    FAIL() << "computed with one of two encoders";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("encoder_k"), HasSubstr("`prefix`")));
  }

  sources_.clear();
  add(model("backbone", 1), "");
  const std::vector<float> q = features(write()).values;
  for (const char* prefix : {"encoder_q", "encoder_q.", "module.encoder_q", "module.encoder_q."}) {
    EXPECT_EQ(features(file, {.prefix = prefix}).values, q) << prefix;
  }
  EXPECT_NE(features(file, {.prefix = "encoder_k"}).values, q);
}

TEST_F(SeveralModels, APrefixThatNamesNothingListsWhatThereIs) {
  add(model("backbone", 1), "net_a.");
  add(model("backbone", 2), "net_b.backbone.");
  try {
    inspect({.prefix = "net_c"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(error.detail().option, "prefix");
    EXPECT_THAT(error.detail().expected,
                AllOf(HasSubstr("net_a  41 of 41"), HasSubstr("net_b.backbone  41 of 41")));
  }
  EXPECT_EQ(taken(inspect({.prefix = "net_b"})), "net_b.backbone");
}

TEST_F(SeveralModels, ListsAndPlainNamesBesideOthersAreAmbiguousToo) {
  add(model("backbone", 1), "0.");
  add(model("backbone", 2), "1.");
  EXPECT_EQ(inspect().report.verdict, Verdict::Ambiguous);
  EXPECT_EQ(taken(inspect({.prefix = "1"})), "1");

  sources_.clear();
  add(model("backbone", 1), "");
  add(model("backbone", 2), "other.");
  EXPECT_THAT(prefixes(inspect()), ElementsAre(".", "other"));
  EXPECT_EQ(inspect().report.verdict, Verdict::Ambiguous);
  EXPECT_EQ(taken(inspect({.prefix = "."})), ".");

  sources_.clear();  // one inside the other
  add(model("backbone", 1), "a.");
  add(model("backbone", 2), "a.b.");
  EXPECT_EQ(taken(inspect({.prefix = "a"})), "a");
  EXPECT_EQ(taken(inspect({.prefix = "a.b."})), "a.b");
  EXPECT_EQ(taken(inspect({.prefix = "b"})), "a.b");
}

TEST_F(SeveralModels, TheOrderOfTensorsDecidesNothing) {
  add(model("backbone", 1), "student.");
  add(model("backbone", 2), "teacher.");
  add(model("backbone", 3), "model.");
  const Inspection one = Checkpoint::open(write()).inspect();
  const Inspection other = Checkpoint::open(write(true)).inspect();
  EXPECT_EQ(one.report.verdict, Verdict::Ambiguous);  // no rule compares `model` with `teacher`
  EXPECT_EQ(prefixes(one), prefixes(other));
}

TEST_F(SeveralModels, RulesAboutRolesDecideAndSayWhatIsLeft) {
  struct Pair {
    const char* taken;
    const char* left;
    const char* because;
  };
  for (const Pair& pair :
       {Pair{"teacher", "student", "publish the teacher"},
        Pair{"state_dict", "state_dict_ema", "average"}, Pair{"model", "model_ema", "average"},
        Pair{"params", "params_ema", "average"}, Pair{"model", "ema.shadow", "average"},
        Pair{"net.teacher", "net.student", "teacher"}}) {
    SCOPED_TRACE(pair.left);
    sources_.clear();
    add(model("backbone", 1), std::string(pair.taken) + ".");
    add(model("backbone", 2), std::string(pair.left) + ".");
    const Inspection inspection = inspect();
    EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
    EXPECT_EQ(taken(inspection), pair.taken);
    ASSERT_EQ(inspection.report.unused.size(), 1u);
    EXPECT_EQ(inspection.report.unused[0].keys.size(), 41u);
    EXPECT_THAT(inspection.text(), AllOf(HasSubstr(std::string("left: ") + pair.left),
                                         HasSubstr("41 of 41"), HasSubstr(pair.because)));
    EXPECT_THAT(inspection.json(), HasSubstr("\"candidates\""));
    EXPECT_EQ(taken(inspect({.prefix = pair.left})), pair.left);
  }
}

TEST_F(SeveralModels, AnIncompleteOneIsLeftAndCounted) {
  const auto most = [](const std::string& name) { return !name.ends_with("qkv.bias"); };
  add(model("backbone", 1), "net_a.", "", most);
  add(model("backbone", 2), "net_b.");
  const Inspection inspection = inspect();
  EXPECT_EQ(taken(inspection), "net_b");
  EXPECT_THAT(inspection.text(), HasSubstr("left: net_a  38 of 41 parameters"));
  EXPECT_EQ(inspect({.prefix = "net_a"}).report.verdict, Verdict::Incomplete);
}

TEST_F(SeveralModels, WrappersDoNotHideASecondEncoder) {
  add(model("backbone", 1), "backbone.");
  add(model("backbone", 2), "_orig_mod.backbone.");
  EXPECT_EQ(inspect().report.verdict, Verdict::Ambiguous);
}

TEST_F(SeveralModels, ThousandsOfFalseStartsAreBoundedAndCounted) {
  add(model("backbone", 1), "net.");
  for (int i = 0; i < 2000; ++i) add_tensor("x" + std::to_string(i) + ".pos_embed", {1, 4, 4});
  const Inspection inspection = inspect();
  EXPECT_EQ(taken(inspection), "net");
  EXPECT_LE(inspection.report.candidates.size(), 32u);
  EXPECT_THAT(inspection.text(), HasSubstr("more places with some of an encoder's names"));
}

TEST_F(SeveralModels, PlacesThatWereNotExaminedAreCountedWhereNoneIsTaken) {
  for (int i = 0; i < 40; ++i) add(model("backbone", 1), "net" + std::to_string(i) + ".");
  const Inspection inspection = inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Ambiguous);
  EXPECT_EQ(inspection.report.candidates.size(), 32u);
  EXPECT_THAT(inspection.report.notes, Contains(StartsWith("8 more places")));
  EXPECT_THAT(inspection.text(), HasSubstr("8 more places"));
}

TEST_F(SeveralModels, ADetectorBesideAPoseModelIsFoundByBothCommands) {
  add(model("pose", 1), "pose.");
  add(model("pretrain", 1, "rtmdet-m"), "person.");
  const std::string file = write();
  const Inspection inspection = Checkpoint::open(file).inspect();
  EXPECT_EQ(inspection.model.task, Task::Pose);
  EXPECT_THAT(prefixes(inspection), ElementsAre("pose.backbone", "person.backbone"));
  EXPECT_THAT(inspection.text(), HasSubstr("person detector"));
  EXPECT_EQ(PersonDetector(Checkpoint::open(file)).inspection().model.family, "rtmdet");
}

TEST_F(SeveralModels, TwoDetectorsAreNotChosenFrom) {
  add(model("pretrain", 1, "rtmdet-m"), "a.");
  add(model("pretrain", 2, "rtmdet-m"), "b.");
  const std::string file = write();
  EXPECT_EQ(Checkpoint::open(file).inspect().report.verdict, Verdict::Ambiguous);
  try {
    PersonDetector(Checkpoint::open(file));
    FAIL() << "took one of two detectors";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("a.backbone  580 of 580"), HasSubstr("b.backbone"),
                                    HasSubstr("a file of its own"), Not(HasSubstr("`prefix`"))));
  }
  EXPECT_EQ(taken(Checkpoint::open(file).inspect({.prefix = "b"})), "b.backbone");
}

TEST_F(SeveralModels, TheSameTensorsUnderTwoNamesAreOneModel) {
  StateDict twice = model("backbone", 1);
  for (const TensorEntry& tensor : model("backbone", 1).tensors) {
    twice.tensors.push_back(tensor);
    twice.tensors.back().key = "net." + tensor.key;
  }
  const Inspection inspection =
      std::make_shared<const Assessment>(twice, ModelOptions{})->inspection();
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_EQ(taken(inspection), ".");
  EXPECT_THAT(inspection.text(), HasSubstr("the same tensors as ., stored once"));
}

// Among copies the one in the original's own layout is chosen, which the original loads, too.
TEST_F(SeveralModels, PlainNamesArePreferredAmongCopies) {
  const StateDict& one = model("pretrain", 1);
  const StateDict dict = [&] {
    StateDict twice;
    twice.path = "twice.pth";
    for (const std::string container : {"model", "state_dict"}) {
      for (TensorEntry tensor : one.tensors) {
        tensor.container = container;
        tensor.key = "backbone." + tensor.key;
        twice.tensors.push_back(std::move(tensor));
      }
    }
    return twice;
  }();
  const Inspection inspection =
      std::make_shared<const Assessment>(dict, ModelOptions{.heads = 6})->inspection(Use::Features);
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact) << inspection.text();
  ASSERT_EQ(inspection.report.candidates.size(), 2u);
  EXPECT_EQ(taken(inspection), "backbone");
}

// Moments have the names and shapes of the parameters, and are none.
TEST_F(SeveralModels, WhatAnOptimizerKeepsUnderTheNamesOfParametersIsNoModel) {
  const StateDict &one = model("pretrain", 1), &moments = model("pretrain", 2);
  for (const std::string place :
       {"optimizer.exp_avg.", "optimizer.exp_avg_sq.", "optim.state.momentum_buffer.", "grads."}) {
    add(moments, place);
  }
  const Inspection alone = inspect();
  EXPECT_EQ(alone.report.verdict, Verdict::Foreign) << alone.text();
  EXPECT_EQ(alone.report.bound, 0);

  add(one, "backbone.");
  const Inspection both = inspect();
  EXPECT_EQ(both.report.verdict, Verdict::Exact) << both.text();
  EXPECT_THAT(prefixes(both), ElementsAre("backbone"));
  const std::string file = write();
  sources_.clear();
  add(one, "");
  EXPECT_EQ(features(file).values, features(write()).values);
}

TEST_F(SeveralModels, PartsOfAHeadThatAreNotComputedAreRefused) {
  add(model("seg", 1), "");
  add_tensor("decode_head.conv_layers.0.gate.weight", {4, 4});
  const Inspection inspection = inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_THAT(inspection.report.explanation, HasSubstr("head has tensors that are no parameters"));
}

TEST_F(SeveralModels, TwoHeadsOnOneEncoderAreBothUsable) {
  add(model("pose", 1), "");
  add(model("seg", 2), "", "",
      [](const std::string& name) { return name.starts_with("decode_head."); });
  const std::string file = write();
  const Inspection inspection = Checkpoint::open(file).inspect();
  EXPECT_EQ(inspection.model.task, Task::Pose);
  EXPECT_THAT(inspection.text(), HasSubstr("two heads on one encoder"));
  EXPECT_EQ(TaskModel(Checkpoint::open(file), {.task = Task::Seg}).task(), Task::Seg);
}

}  // namespace
}  // namespace sapiens
