#include "nn/ops.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/select.hpp"
#include "sapiens/error.hpp"
#include "support/block_reference.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

ConstMatrix view(const std::vector<float>& numbers, Index rows, Index columns) {
  return {numbers.data(), {rows, columns}};
}
Matrix view(std::vector<float>& numbers, Index rows, Index columns) {
  return {numbers.data(), {rows, columns}};
}

LayerNormWeights norm_weights(const std::vector<float>& gamma, const std::vector<float>& beta) {
  LayerNormWeights weights{AlignedBuffer<float>(std::ssize(gamma)),
                           AlignedBuffer<float>(std::ssize(beta))};
  std::copy(gamma.begin(), gamma.end(), weights.gamma.data());
  std::copy(beta.begin(), beta.end(), weights.beta.data());
  return weights;
}

ReferenceBlock random_block(Index width, Index heads) {
  unsigned seed = 100;
  const auto vector = [&](Index n, float mean) {
    return random_normal(n, {.mean = mean, .deviation = 0.3f, .seed = ++seed});
  };
  const auto matrix = [&](Index out, Index in) {
    const float deviation = 1 / std::sqrt(static_cast<float>(in));
    return random_normal(out * in, {.deviation = deviation, .seed = ++seed});
  };
  const Index C = width, M = 4 * width;
  return {.width = C,
          .heads = heads,
          .mlp_width = M,
          .ln1_weight = vector(C, 1),
          .ln1_bias = vector(C, 0),
          .qkv_weight = matrix(3 * C, C),
          .qkv_bias = vector(3 * C, 0),
          .proj_weight = matrix(C, C),
          .proj_bias = vector(C, 0),
          .ln2_weight = vector(C, 1),
          .ln2_bias = vector(C, 0),
          .fc1_weight = matrix(M, C),
          .fc1_bias = vector(M, 0),
          .fc2_weight = matrix(C, M),
          .fc2_bias = vector(C, 0)};
}

class OpsAtLevel : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    const CpuFeatures cpu = CpuFeatures::detect();
    try {
      kernels_ = select_kernels(cpu, GetParam()).table;
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  // One block through the operators, as the encoder runs it.
  std::vector<float> run_block(const ReferenceBlock& b, std::vector<float> numbers, int threads) {
    const Index C = b.width, M = b.mlp_width, N = std::ssize(numbers) / C;
    const ThreadPool pool(threads);
    const Ops ops(kernels_, pool);
    const auto qkv = ops.pack_linear(view(b.qkv_weight, 3 * C, C), b.qkv_bias);
    const auto proj = ops.pack_linear(view(b.proj_weight, C, C), b.proj_bias);
    const auto fc1 = ops.pack_linear(view(b.fc1_weight, M, C), b.fc1_bias);
    const auto fc2 = ops.pack_linear(view(b.fc2_weight, C, M), b.fc2_bias);

    const auto run = [&](Workspace& ws) {
      const Matrix x = view(numbers, N, C), h = ws.matrix(N, C), wide = ws.matrix(N, M);
      const Matrix three = wide.slice(1, 0, 3 * C);
      ops.layer_norm(x, norm_weights(b.ln1_weight, b.ln1_bias), h, ws);
      ops.linear(h, qkv, three, ws);
      ops.attention(three, attention_shape(C, b.heads), h, ws);
      ops.linear_add(h, proj, x, ws);
      ops.layer_norm(x, norm_weights(b.ln2_weight, b.ln2_bias), h, ws);
      ops.linear_gelu(h, fc1, wide, ws);
      ops.linear_add(wide, fc2, x, ws);
    };
    Workspace ws(measured_bytes(run));
    run(ws);
    return numbers;
  }

  KernelTable kernels_;
};

// Head dimensions 8, 60 and 80, and one token. Every value went through six operators whose own
// errors are a few 1e-7 of numbers of deviation 1 to 3; measured: 3.2e-6 at most.
TEST_P(OpsAtLevel, ComputeABlockLikeDoublePrecision) {
  struct Size {
    Index tokens, width, heads;
  };
  for (const Size size : {Size{1, 16, 2}, Size{37, 16, 2}, Size{130, 120, 2}, Size{65, 160, 2}}) {
    SCOPED_TRACE("width " + std::to_string(size.width));
    const ReferenceBlock block = random_block(size.width, size.heads);
    const auto x = random_normal(size.tokens * size.width, {.seed = 9});
    std::vector<Index> rows;
    for (Index row = 0; row < size.tokens; ++row) rows.push_back(row);
    const auto expected = reference_block(block, std::vector<double>(x.begin(), x.end()), rows);
    EXPECT_TRUE(close(run_block(block, x, 2), std::vector<float>(expected.begin(), expected.end()),
                      {.absolute = 1e-5}));
  }
}

TEST_P(OpsAtLevel, GiveTheSameBitsOnAnyNumberOfThreads) {
  const ReferenceBlock block = random_block(96, 3);
  const auto x = random_normal(150 * 96, {.seed = 10});
  const auto alone = run_block(block, x, 1);
  for (const int threads : {2, 3, 7}) EXPECT_EQ(run_block(block, x, threads), alone) << threads;
}

TEST_P(OpsAtLevel, GiveARowTheSameBitsAmongAnyOthers) {
  const ThreadPool pool(2);
  const Ops ops(kernels_, pool);
  const auto x = random_normal(300 * 40, {.seed = 11}),
             weight = random_normal(50 * 40, {.seed = 12});
  const auto w = ops.pack_linear(view(weight, 50, 40), {});
  Workspace ws(std::size_t{1} << 22);
  std::vector<float> all(300 * 50), one(50);
  ops.linear_gelu(view(x, 300, 40), w, view(all, 300, 50), ws);
  for (const Index row : {0, 1, 13, 149, 299}) {
    ops.linear_gelu(view(x, 300, 40).slice(0, row, 1), w, view(one, 1, 50), ws);
    EXPECT_EQ(one, std::vector<float>(all.begin() + row * 50, all.begin() + (row + 1) * 50));
  }
}

TEST_P(OpsAtLevel, ComputeUnquantizedLayersAsWithoutInt8) {
  const ThreadPool pool(2);
  Ops ops(kernels_, pool, Precision::Int8);
  const Ops wide(kernels_, pool,
                 ops.activation_type() == ActivationType::Bf16 ? Precision::Bf16 : Precision::Fp32);
  const auto x = random_normal(30 * 64, {.seed = 15}),
             weight = random_normal(50 * 64, {.seed = 16});
  LinearWeights layer = ops.make_linear(50, 64, DType::F32, false);
  ops.pack_rows(layer, 0, view(weight, 50, 64));
  const LinearWeights rounded = ops.pack_linear(view(weight, 50, 64), {});

  Profile profile;
  ops.set_profile(&profile);
  Workspace ws(std::size_t{1} << 22);
  std::vector<float> y(30 * 50), of_8_bits(30 * 50), expected(30 * 50);
  ops.linear(view(x, 30, 64), layer, view(y, 30, 50), ws);
  ops.linear(view(x, 30, 64), rounded, view(of_8_bits, 30, 50), ws);
  wide.linear(view(x, 30, 64), wide.pack_linear(view(weight, 50, 64), {}), view(expected, 30, 50),
              ws);
  EXPECT_EQ(y, expected);
  EXPECT_NE(y, of_8_bits);

  // Both have one name; what they compute with tells them apart.
  ASSERT_EQ(profile.entries().size(), 2u);
  EXPECT_EQ(profile.entries()[0].work.arithmetic, precision_name(wide.precision()));
  EXPECT_EQ(profile.entries()[1].work.arithmetic, "int8");
  for (const Profile::Entry& entry : profile.entries()) {
    EXPECT_EQ(entry.name, "linear");
    EXPECT_EQ(entry.calls, 1);
    EXPECT_EQ(entry.work.operations, 2.0 * 30 * 50 * 64);
  }
}

TEST_P(OpsAtLevel, PackSlicesAsTheWhole) {
  const ThreadPool pool(3);
  const Ops ops(kernels_, pool);
  const auto weight = random_normal(90 * 33, {.seed = 13}), bias = random_normal(90, {.seed = 14});
  const LinearWeights whole = ops.pack_linear(view(weight, 90, 33), bias);
  LinearWeights sliced = ops.make_linear(90, 33);
  for (const auto& [first, count] : {std::pair<Index, Index>{0, 1}, {1, 40}, {41, 49}}) {
    ops.pack_rows(sliced, first, view(weight, 90, 33).slice(0, first, count));
  }
  EXPECT_TRUE(std::equal(whole.weight.span().begin(), whole.weight.span().end(),
                         sliced.weight.span().begin(), sliced.weight.span().end()));
}

INSTANTIATE_TEST_SUITE_P(Isa, OpsAtLevel, testing::Values("reference", "avx2", "avx512"),
                         [](const auto& level) { return std::string(level.param); });

class OpsRefusal : public testing::Test {
 protected:
  template <class F>
  static ErrorCode code_of(F f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::Internal;
  }

  KernelTable kernels_ = select_kernels(CpuFeatures::detect()).table;
  ThreadPool pool_{1};
  Ops ops_{kernels_, pool_};
  Workspace ws_{1 << 20};
  std::vector<float> numbers_ = std::vector<float>(10000);
};

TEST_F(OpsRefusal, NamesShapesThatDoNotFit) {
  const LinearWeights w = ops_.make_linear(8, 16);
  EXPECT_EQ(code_of([&] { ops_.linear(view(numbers_, 4, 15), w, view(numbers_, 4, 8), ws_); }),
            ErrorCode::ShapeMismatch);
  EXPECT_EQ(code_of([&] { ops_.linear(view(numbers_, 4, 16), w, view(numbers_, 5, 8), ws_); }),
            ErrorCode::ShapeMismatch);
  const AttentionShape shape{.heads = 2, .kv_heads = 2, .head_dim = 8};
  EXPECT_EQ(
      code_of([&] { ops_.attention(view(numbers_, 4, 48), shape, view(numbers_, 4, 15), ws_); }),
      ErrorCode::ShapeMismatch);
  const LayerNormWeights norm = norm_weights({1, 1}, {0, 0});
  EXPECT_EQ(
      code_of([&] { ops_.layer_norm(view(numbers_, 4, 3), norm, view(numbers_, 4, 3), ws_); }),
      ErrorCode::ShapeMismatch);
}

TEST_F(OpsRefusal, RefusesRowsOutsideTheWeight) {
  LinearWeights w = ops_.make_linear(8, 16);
  for (const Index first : {-1, 5, 9}) {
    EXPECT_EQ(code_of([&] { ops_.pack_rows(w, first, view(numbers_, 4, 16)); }),
              ErrorCode::ShapeMismatch);
  }
}

TEST_F(OpsRefusal, RefusesHeadsThatDoNotDivideTheWidth) {
  for (const Index heads : {-1, 0, 3}) {
    EXPECT_EQ(code_of([&] { attention_shape(16, heads); }), ErrorCode::InvalidArgument);
  }
}

TEST_F(OpsRefusal, ReportsAWorkspaceThatIsTooSmall) {
  if (kernels_.linear_f32.scratch_bytes(16, 4) == 0) GTEST_SKIP() << "this level needs no scratch";
  const LinearWeights w = ops_.make_linear(8, 16);
  Workspace small(64);
  EXPECT_EQ(code_of([&] { ops_.linear(view(numbers_, 4, 16), w, view(numbers_, 4, 8), small); }),
            ErrorCode::OutOfResources);
}

}  // namespace
}  // namespace sapiens
