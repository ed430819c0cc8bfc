#include <cmath>
#include <string>
#include <vector>

#include "kernels/levels.hpp"
#include "kernels/linear_case.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

using Entry = LinearKernel KernelTable::*;

/// A kernel and its definition.
struct Subject {
  std::string name;
  LinearKernel fast, reference;
  bool is_s8 = false;
};

struct Size {
  Index rows, in, out;
  Index x_gap = 0, y_gap = 0;
};

LinearCase random_case(const Size& s) {
  const float deviation = 1 / std::sqrt(static_cast<float>(s.in));
  return {.rows = s.rows,
          .in = s.in,
          .out = s.out,
          .x = random_normal(s.rows * (s.in + s.x_gap), {.seed = 1}),
          .weight = random_normal(s.out * s.in, {.deviation = deviation, .seed = 2}),
          .bias = random_normal(s.out, {.seed = 3}),
          .y = random_normal(s.rows * (s.out + s.y_gap), {.seed = 4}),
          .x_gap = s.x_gap,
          .y_gap = s.y_gap};
}

std::vector<float> absolute(std::vector<float> numbers) {
  for (float& x : numbers) x = std::abs(x);
  return numbers;
}

// With c.epilogue left aside: what is added up, term by term, so that errors can be bounded by it.
std::vector<float> magnitudes(const Subject& subject, LinearCase c) {
  c.epilogue = Epilogue::Add;
  c.y = absolute(c.y);
  c.y_type = ActivationType::F32;
  if (!subject.is_s8) {
    c.x = absolute(c.x);
    c.weight = absolute(c.weight);
    c.bias = absolute(c.bias);
    return run_linear(subject.reference, c);
  }
  LinearCase products = c;
  products.epilogue = Epilogue::Store;
  products.bias.assign(c.bias.size(), 0.0f);
  std::vector<float> sums = absolute(run_linear(subject.reference, products));
  for (Index r = 0; r < c.rows; ++r) {
    for (Index o = 0; o < c.out; ++o) {
      const auto i = static_cast<std::size_t>(r * (c.out + c.y_gap) + o);
      sums[i] += std::abs(c.bias[static_cast<std::size_t>(o)]) + c.y[i];
    }
  }
  return sums;
}

// The rounding errors of a sum of k products are below lambda sqrt(k) u sum |x w| with probability
// 1 - 2 k exp(-lambda^2 / 2) (Higham and Mary 2019): lambda = 6 leaves nothing to chance here. Sums
// of integers are exact: what is left are three roundings on the way to y. The slope of gelu is
// below 1.13; gelu itself adds less than 2 ulps of its argument, an addition to y one rounding.
std::vector<double> tolerances(const Subject& subject, const LinearCase& c) {
  const double sum = subject.is_s8 ? 3 : 6 * std::sqrt(static_cast<double>(c.in));
  std::vector<double> each;
  for (const float magnitude : magnitudes(subject, c)) {
    each.push_back((1.13 * sum + 3) * kUnit * magnitude);
  }
  return each;
}

// Two numbers that are close to each other may still be rounded to neighbouring bf16 numbers; gelu
// is less exact where it will be rounded to bf16.
constexpr double kBf16Step = 0x1p-7;
constexpr double kGeluForBf16 = 2.6e-4;

testing::AssertionResult agrees(const Subject& subject, const LinearCase& c,
                                const std::vector<double>& each, double absolute = 0) {
  return close(run_linear(subject.fast, c), run_linear(subject.reference, c),
               {.absolute = absolute,
                .relative = c.y_type == ActivationType::Bf16 ? kBf16Step + kGeluForBf16 : 0,
                .each = each});
}

std::string described(const Subject& subject, const LinearCase& c) {
  const auto type = [](ActivationType n) { return n == ActivationType::F32 ? "f32" : "bf16"; };
  return subject.name + ", rows " + std::to_string(c.rows) + ", in " + std::to_string(c.in) +
         ", out " + std::to_string(c.out) + ", x " + type(c.x_type) + ", y " + type(c.y_type) +
         ", epilogue " + std::to_string(static_cast<int>(c.epilogue));
}

class LinearLevels : public EveryLevel {
 protected:
  void SetUp() override {
    EveryLevel::SetUp();
    if (IsSkipped()) return;
    add("f32", fast, &KernelTable::linear_f32);
    add("f32 from bf16", fast, &KernelTable::linear_f32_from_bf16);
    add("f32 from f16", fast, &KernelTable::linear_f32_from_f16);
    add("bf16", fast, &KernelTable::linear_bf16);
    add("s8", fast, &KernelTable::linear_s8);
    // The kernels for CPUs of the same level without the instructions for dot products. There are
    // none with tiles.
    if (GetParam() == "amx") return;
    CpuFeatures cpu = CpuFeatures::detect();
    cpu.avx_vnni = cpu.avx512_vnni = cpu.avx512_bf16 = cpu.fast_bf16 = false;
    const KernelTable plain = select_kernels(cpu, GetParam()).table;
    add("bf16 without dot products", plain, &KernelTable::linear_bf16);
    add("s8 without dot products", plain, &KernelTable::linear_s8);
  }

  void expect_agreement(const Size& size) {
    LinearCase c = random_case(size);
    for (const Subject& subject : subjects) {
      for (const ActivationType type : {ActivationType::F32, ActivationType::Bf16}) {
        c.x_type = type;
        const std::vector<double> each = tolerances(subject, c);
        for (const Epilogue epilogue : {Epilogue::Store, Epilogue::Gelu, Epilogue::Add}) {
          c.epilogue = epilogue;
          c.y_type = epilogue == Epilogue::Add ? ActivationType::F32 : type;
          EXPECT_TRUE(agrees(subject, c, each)) << described(subject, c);
        }
      }
    }
  }

  std::vector<Subject> subjects;

 private:
  void add(const char* name, const KernelTable& table, Entry entry) {
    subjects.push_back({name, table.*entry, reference.*entry,
                        entry == static_cast<Entry>(&KernelTable::linear_s8)});
  }
};

TEST_P(LinearLevels, AgreesAroundEveryTileSize) {
  for (const Index rows : {1, 6, 13, 14, 15}) {
    for (const Index out : {1, 8, 15, 17, 31, 32, 33}) {
      expect_agreement({.rows = rows, .in = 19, .out = out});
    }
  }
}

TEST_P(LinearLevels, AgreesAroundEveryGroupOfInputs) {
  for (const Index in : {1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129}) {
    expect_agreement({.rows = 3, .in = in, .out = 9});
  }
}

TEST_P(LinearLevels, AgreesAtInputsAroundOneChunk) {
  for (const Index in : {768, 1023, 1024, 1025, 1280, 1920, 7680}) {
    expect_agreement({.rows = 3, .in = in, .out = 33});
  }
}

TEST_P(LinearLevels, AgreesOnManyRowsAndColumns) {
  expect_agreement({.rows = 130, .in = 40, .out = 70});
  expect_agreement({.rows = 2, .in = 1100, .out = 530});
}

TEST_P(LinearLevels, AgreesOnMixedTypes) {
  LinearCase c = random_case({.rows = 7, .in = 50, .out = 33});
  for (const Subject& subject : subjects) {
    c.x_type = ActivationType::F32;
    c.y_type = ActivationType::Bf16;
    EXPECT_TRUE(agrees(subject, c, tolerances(subject, c))) << described(subject, c);
    c.x_type = ActivationType::Bf16;
    c.y_type = ActivationType::F32;
    EXPECT_TRUE(agrees(subject, c, tolerances(subject, c))) << described(subject, c);
  }
}

TEST_P(LinearLevels, GivesGeluInBf16WithLittleMoreThanOneRounding) {
  LinearCase c{.in = 1, .out = 1, .weight = {1}, .bias = {0}, .epilogue = Epilogue::Gelu};
  for (float x = -12; x < 12; x += 0x1p-7f) c.x.push_back(x);
  c.rows = std::ssize(c.x);
  c.y.assign(c.x.size(), 0.0f);
  const std::vector<float> exact = run_linear(reference.linear_f32, c);
  c.y_type = ActivationType::Bf16;
  EXPECT_TRUE(close(run_linear(fast.linear_f32, c), exact, {.relative = 0x1p-8 + kGeluForBf16}));
}

// The reference leaves what lies between the rows alone, and agreement covers it.
TEST_P(LinearLevels, AgreesOnStridedRows) {
  expect_agreement({.rows = 20, .in = 48, .out = 40, .x_gap = 5, .y_gap = 3});
  expect_agreement({.rows = 5, .in = 1100, .out = 40, .x_gap = 1, .y_gap = 7});
}

TEST_P(LinearLevels, DoesNotDependOnHowTheWorkIsCut) {
  for (const Index in : {100, 1100}) {
    for (const ActivationType y_type : {ActivationType::F32, ActivationType::Bf16}) {
      LinearCase c = random_case({.rows = 17, .in = in, .out = 45});
      c.y_type = y_type;
      for (const Subject& subject : subjects) {
        const std::vector<float> whole = run_linear(subject.fast, c);
        for (const Cuts cuts : {Cuts{.pack_rows = 1}, Cuts{.pack_rows = 19}, Cuts{.rows = 1},
                                Cuts{.rows = 5}, Cuts{.columns = 1}}) {
          EXPECT_EQ(run_linear(subject.fast, c, cuts), whole) << described(subject, c);
        }
      }
    }
  }
}

TEST_P(LinearLevels, TakesAsManyRowsAsFitHalfOfTheCache) {
  if (GetParam() == "reference") GTEST_SKIP() << "it keeps no copy of x";
  for (const Subject& subject : subjects) {
    const LinearKernel& kernel = subject.fast;
    if (kernel.row_tile == 32) continue;  // AMX, whose CPUs all have 2 MiB
    for (const Index in : {64, 1024, 5000}) {
      Index before = kernel.row_tile;
      for (Index l2 = 1 << 14; l2 <= 1 << 26; l2 *= 2) {
        const Index rows = kernel.row_block(in, l2);
        EXPECT_EQ(rows % kernel.row_tile, 0);
        EXPECT_GE(rows, before);
        // A copy takes at least one byte per number, of 1024 inputs at a time.
        if (rows > kernel.row_tile) {
          EXPECT_LE(rows * std::min<Index>(in, 1024), l2 / 2);
        }
        before = rows;
      }
      EXPECT_LT(kernel.row_block(in, 1 << 19), kernel.row_block(in, 1 << 20));
    }
  }
}

TEST_P(LinearLevels, GivesTheSameBitsFromWeightsOf16BitsAsFromWideOnes) {
  LinearCase c = random_case({.rows = 15, .in = 1101, .out = 35});
  const std::vector<float> weight = c.weight;
  const auto expect_equal = [&](const LinearKernel& kernel, float (*rounded)(float)) {
    c.weight = weight;
    const std::vector<float> actual = run_linear(kernel, c);
    for (float& w : c.weight) w = rounded(w);
    EXPECT_EQ(actual, run_linear(fast.linear_f32, c));
  };
  expect_equal(fast.linear_f32_from_bf16,
               [](float w) { return bfloat16_to_float(bfloat16_bits(w)); });
  expect_equal(fast.linear_f32_from_f16, [](float w) { return half_to_float(half_bits(w)); });
}

// Ties and numbers between two integers, with a scale of 1. Each weight is 0 but for one input, so
// that an integer that is off by one is not lost in the tolerance.
TEST_P(LinearLevels, QuantisesLikeTheReference) {
  LinearCase c = random_case({.rows = 64, .in = 8, .out = 8});
  for (std::size_t i = 0; i < c.weight.size(); ++i) c.weight[i] = i % 9 == 0 ? 1.0f : 0.0f;
  for (std::size_t i = 0; i < c.x.size(); ++i) {
    c.x[i] = i % 8 == 0 ? 127.0f : std::round(c.x[i] * 60) / 2;
  }
  c.bias.assign(c.bias.size(), 0.0f);
  for (const Subject& subject : subjects) {
    if (!subject.is_s8) continue;
    EXPECT_TRUE(agrees(subject, c, tolerances(subject, c))) << described(subject, c);
  }
}

TEST_P(LinearLevels, LetsNotANumberAndInfinityThroughToTheirOwnRowsOnly) {
  for (const float odd : {NAN, INFINITY, -INFINITY}) {
    LinearCase c = random_case({.rows = 16, .in = 20, .out = 34});
    c.x[3 * 20 + 7] = odd;
    for (const Subject& subject : subjects) {
      for (const Epilogue epilogue : {Epilogue::Store, Epilogue::Gelu, Epilogue::Add}) {
        c.epilogue = epilogue;
        LinearCase plain = c;
        plain.x[3 * 20 + 7] = 1;
        EXPECT_TRUE(agrees(subject, c, tolerances(subject, plain))) << described(subject, c);
        const std::vector<float> y = run_linear(subject.fast, c);
        for (std::size_t i = 0; i < y.size(); ++i) {
          ASSERT_EQ(std::isfinite(y[i]), i / 34 != 3) << described(subject, c) << ", at " << i;
        }
      }
    }
  }
}

TEST_P(LinearLevels, LetsNotANumberAndInfinityOfAWeightThroughToTheirOwnColumnsOnly) {
  for (const float odd : {NAN, INFINITY}) {
    LinearCase c = random_case({.rows = 5, .in = 20, .out = 34});
    const LinearCase plain = c;
    c.weight[33 * 20 + 7] = odd;
    for (const Subject& subject : subjects) {
      EXPECT_TRUE(agrees(subject, c, tolerances(subject, plain))) << described(subject, c);
    }
  }
}

// Every rounding among the denormals costs half of 2^-149. Instructions for bf16 dot products make
// zeros of them, up to 2^-126 each.
TEST_P(LinearLevels, AgreesOnDenormals) {
  for (const float scale : {0x1p-149f, 0x1p-135f, 0x1p-127f, 0x1p-120f, 0.0f}) {
    LinearCase c = random_case({.rows = 5, .in = 24, .out = 17});
    for (float& x : c.x) x *= scale;
    c.bias.assign(c.bias.size(), 0.0f);
    for (const Subject& subject : subjects) {
      const double least = subject.name == "bf16" ? 0x1p-126 : 0x1p-149;
      EXPECT_TRUE(agrees(subject, c, tolerances(subject, c), 3 * 24 * least))
          << described(subject, c) << ", scale " << scale;
    }
  }
}

SAPIENS_FOR_EVERY_LEVEL(LinearLevels);

}  // namespace
}  // namespace sapiens
