#include "model/head.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "core/thread_pool.hpp"
#include "kernels/select.hpp"
#include "model/allocations.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"
#include "support/function_source.hpp"
#include "support/golden.hpp"
#include "support/random_numbers.hpp"
#include "support/sanitizers.hpp"
#include "support/tile_emulator.hpp"

namespace sapiens {
namespace {

const TensorEntry& tensor_named(const StateDict& dict, const std::string& key) {
  return *std::ranges::find(dict.tensors, key, &TensorEntry::key);
}

class DictSource final : public ParamSource {
 public:
  explicit DictSource(const StateDict& dict) : dict_(dict) {}

  void read(const std::string& key, Index first, std::span<float> out) const override {
    read_f32(tensor_named(dict_, key), first, out);
  }
  DType stored_type(const std::string& key) const override {
    return tensor_named(dict_, key).dtype;
  }

 private:
  const StateDict& dict_;
};

HeadConfig config_of(const nlohmann::json& head, Task task) {
  HeadConfig config{.task = task, .deconvs = {}, .convs = {}};
  Index in = head.at("in_channels");
  for (const Index out : head.at("deconv_out_channels")) {
    config.deconvs.push_back({.in = in, .out = out, .kernel = 4});
    in = out;
  }
  for (const Index out : head.at("conv_out_channels")) {
    config.convs.push_back({.in = in, .out = out, .kernel = 1});
    in = out;
  }
  config.final_in = in;
  config.outputs = head.at(task == Task::Pose ? "out_channels" : "num_classes");
  return config;
}

// [C, H, W] as [H W, C].
std::vector<float> channels_last(std::span<const float> planes, Index channels) {
  const std::size_t n = static_cast<std::size_t>(channels), pixels = planes.size() / n;
  std::vector<float> rows(planes.size());
  for (std::size_t c = 0; c < n; ++c) {
    for (std::size_t p = 0; p < pixels; ++p) rows[p * n + c] = planes[c * pixels + p];
  }
  return rows;
}

/// A head, loaded, with all it borrows.
class LoadedModel {
 public:
  LoadedModel(const KernelTable& kernels, Precision precision, int threads,
              const HeadConfig& config, const ParamSource& source)
      : config_(config),
        pool_(threads),
        ops_(kernels, pool_, precision),
        loaded_(load_head(config, source, ops_)) {}

  void run(const std::vector<float>& tokens, Grid patches, std::vector<float>& out,
           Workspace& ws) const {
    const Index pixels = head_.output_size(patches).patches();
    out.resize(static_cast<std::size_t>(pixels * config_.outputs));
    head_.forward({tokens.data(), {patches.patches(), std::ssize(tokens) / patches.patches()}},
                  patches, {out.data(), {pixels, config_.outputs}}, ws);
  }

  std::vector<float> run(const std::vector<float>& tokens, Grid patches) const {
    std::vector<float> out;
    Workspace ws(workspace_bytes(tokens, patches));
    run(tokens, patches, out, ws);
    return out;
  }

  std::size_t workspace_bytes(const std::vector<float>& tokens, Grid patches) const {
    std::vector<float> out;
    return measured_bytes([&](Workspace& ws) { run(tokens, patches, out, ws); });
  }

  const LoadedHead& loaded() const { return loaded_; }

 private:
  HeadConfig config_;
  ThreadPool pool_;
  Ops ops_;
  LoadedHead loaded_;
  Head head_{config_, loaded_.weights, ops_};
};

/// One golden case: what the encoder gave, and what the original's head made of it.
struct GoldenHead {
  GoldenHead(const std::string& name, Task task)
      : golden(name),
        config(config_of(golden.facts().at("head"), task)),
        dict(open_checkpoint(golden.file(golden.facts().at("checkpoint")))) {
    const FloatArray featmap = golden.array("featmap"), head = golden.array("head");
    patches = {featmap.shape[2], featmap.shape[3]};
    // The first image of a batch.
    const Index width = featmap.shape[1], pixels = head.shape[2] * head.shape[3];
    const auto first = [](const FloatArray& array, Index count) {
      return std::span<const float>(array.values).first(static_cast<std::size_t>(count));
    };
    tokens = channels_last(first(featmap, width * patches.patches()), width);
    expected = channels_last(first(head, config.outputs * pixels), config.outputs);
  }

  std::vector<float> run(const KernelTable& kernels, Precision precision, int threads = 2) const {
    return LoadedModel(kernels, precision, threads, config, DictSource(dict)).run(tokens, patches);
  }

  Golden golden;
  HeadConfig config;
  StateDict dict;
  Grid patches;
  std::vector<float> tokens, expected;
};

struct Case {
  const char* name;
  Task task;
};
constexpr Case kCases[] = {{"task_pose", Task::Pose},   {"pose_21_user", Task::Pose},
                           {"task_seg", Task::Seg},     {"seg_5_user", Task::Seg},
                           {"task_depth", Task::Depth}, {"task_normal", Task::Normal}};

class HeadAtLevel : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    const auto levels = available_levels(tested_cpu());
    if (std::find(levels.begin(), levels.end(), GetParam()) == levels.end()) {
      GTEST_SKIP() << "this CPU has no " << GetParam();
    }
    kernels_ = select_kernels(tested_cpu(), GetParam()).table;
  }

  KernelTable kernels_;
};

// The stored values carry errors of 1e-6 to 9e-6 themselves; ours are added to them.
TEST_P(HeadAtLevel, GivesWhatTheOriginalGives) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const GoldenHead golden(c.name, c.task);
    EXPECT_TRUE(close(golden.run(kernels_, Precision::Fp32), golden.expected, {.absolute = 3e-5}));
  }
}

// How far from `exact` in the L2 norm, relative.
double distance(const std::vector<float>& found, const std::vector<float>& exact) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    error += std::pow(double{found[i]} - exact[i], 2);
    norm += std::pow(double{exact[i]}, 2);
  }
  return std::sqrt(error / norm);
}

// Six or seven layers round their operands by 2^-9 (bf16), or by 1 / 254 of the largest number of a
// row (int8). Measured with the reference: 0.8 to 1.1 %, and 2.5 to 3.5 %. It rounds operands as
// every level does; where bf16 is fast, int8 hands on bf16 activations, too.
TEST_P(HeadAtLevel, IsAsCloseAsThePrecisionAllows) {
  const KernelTable reference = select_kernels(tested_cpu(), "reference").table;
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const GoldenHead golden(c.name, c.task);
    for (const auto& [precision, most] :
         {std::pair{Precision::Bf16, 0.015}, {Precision::Int8, 0.045}}) {
      const double best = distance(golden.run(reference, precision), golden.expected);
      EXPECT_LE(best, most) << precision_name(precision);
      EXPECT_LE(distance(golden.run(kernels_, precision), golden.expected), 1.1 * best)
          << precision_name(precision);
    }
  }
}

TEST_P(HeadAtLevel, GivesTheSameBitsOnAnyNumberOfThreads) {
  const GoldenHead golden("task_seg", Task::Seg);
  for (const Precision precision : {Precision::Fp32, Precision::Bf16, Precision::Int8}) {
    const auto alone = golden.run(kernels_, precision, 1);
    for (const int threads : {2, 5}) EXPECT_EQ(golden.run(kernels_, precision, threads), alone);
  }
}

TEST_P(HeadAtLevel, AllocatesNothingWhenWarm) {
  if (kUnderSanitizer) GTEST_SKIP() << "sanitizers allocate memory of their own";
  const GoldenHead golden("task_pose", Task::Pose);
  const LoadedModel model(kernels_, Precision::Auto, 2, golden.config, DictSource(golden.dict));
  Workspace ws(model.workspace_bytes(golden.tokens, golden.patches));
  std::vector<float> out;
  model.run(golden.tokens, golden.patches, out, ws);
  const long before = allocations();
  model.run(golden.tokens, golden.patches, out, ws);
  EXPECT_EQ(allocations() - before, 0);
  EXPECT_EQ(ws.high_water(), ws.capacity());
}

INSTANTIATE_TEST_SUITE_P(Isa, HeadAtLevel, testing::Values("reference", "avx2", "avx512", "amx"),
                         [](const auto& level) { return std::string(level.param); });

void read_random(const std::string& /*key*/, Index first, std::span<float> out) {
  const auto values =
      random_normal(std::ssize(out), {.deviation = 0.1f, .seed = static_cast<unsigned>(first)});
  std::copy(values.begin(), values.end(), out.begin());
}

class AnyHead : public testing::Test {
 protected:
  LoadedModel load(const HeadConfig& config) const {
    return {kernels_, Precision::Fp32, 2, config, FunctionSource(read_random)};
  }

  KernelTable kernels_ = select_kernels(tested_cpu()).table;
};

// These are not published, but the builder of the original accepts them.
TEST_F(AnyHead, MayLackLayersOrChangeItsWidth) {
  const Grid patches{3, 2};
  const auto tokens = random_normal(6 * 8, {.seed = 1});
  const HeadConfig narrowing{.task = Task::Seg,
                             .deconvs = {{8, 12, 4}},
                             .convs = {{12, 6, 1}, {6, 6, 1}, {6, 10, 1}},
                             .final_in = 10,
                             .outputs = 3};
  const HeadConfig convs_only{
      .task = Task::Seg, .deconvs = {}, .convs = {{8, 8, 1}}, .final_in = 8, .outputs = 3};
  const HeadConfig final_only{
      .task = Task::Seg, .deconvs = {}, .convs = {}, .final_in = 8, .outputs = 3};
  EXPECT_EQ(load(narrowing).run(tokens, patches).size(), 4u * 6 * 3);
  EXPECT_EQ(load(convs_only).run(tokens, patches).size(), 6u * 3);
  EXPECT_EQ(load(final_only).run(tokens, patches).size(), 6u * 3);
}

TEST_F(AnyHead, AnotherKernelSizeIsRefusedByName) {
  const HeadConfig deconv{.task = Task::Pose,
                          .deconvs = {{8, 8, 4}, {8, 8, 3}},
                          .convs = {},
                          .final_in = 8,
                          .outputs = 17};
  const HeadConfig conv{
      .task = Task::Seg, .deconvs = {}, .convs = {{8, 8, 3}}, .final_in = 8, .outputs = 5};
  for (const auto& [config, key] : {std::pair{deconv, "head.deconv_layers.3.weight"},
                                    {conv, "decode_head.conv_layers.0.weight"}}) {
    try {
      load(config);
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
      EXPECT_EQ(error.detail().key, key);
      EXPECT_EQ(error.detail().actual, "3 x 3");
    }
  }
}

TEST_F(AnyHead, ReportsWhatIsNotFiniteAndItsProgress) {
  const FunctionSource source([](const std::string& key, Index first, std::span<float> out) {
    read_random(key, first, out);
    if (key == "head.deconv_layers.3.weight" && first == 0) out[1] = NAN;
    if (key == "head.final_layer.bias") out[0] = INFINITY;
  });
  HeadConfig config = published_head(Task::Pose, 100);
  const ThreadPool pool(2);
  const Ops ops(kernels_, pool);
  double last = 0;
  const LoadedHead loaded = load_head(config, source, ops, [&](double share) { last = share; });
  ASSERT_EQ(loaded.non_finite.size(), 2u);
  EXPECT_EQ(loaded.non_finite[0].key, "head.deconv_layers.3.weight");
  EXPECT_EQ(loaded.non_finite[1].key, "head.final_layer.bias");
  EXPECT_EQ(last, 1.0);
}

}  // namespace
}  // namespace sapiens
