#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/half.hpp"
#include "core/thread_pool.hpp"
#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

// The AMX kernels against the reference, at sizes around their tiles and blocks. Without AMX the
// emulator runs them.
namespace sapiens {
namespace {

// Rounding error of one conversion to bf16.
constexpr double kBf16Unit = 0x1p-9;

// Numbers in memory as either type.
class Buffer {
 public:
  Buffer(ActivationType type, const std::vector<float>& values)
      : type_(type), bytes_(values.size() * (type == ActivationType::F32 ? 4 : 2)) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint16_t bf16 = bfloat16_bits(values[i]);
      if (type == ActivationType::F32) std::memcpy(bytes_.data() + 4 * i, &values[i], 4);
      if (type == ActivationType::Bf16) std::memcpy(bytes_.data() + 2 * i, &bf16, 2);
    }
  }
  std::byte* at(Index i) { return bytes_.data() + i * (type_ == ActivationType::F32 ? 4 : 2); }
  const std::byte* at(Index i) const { return const_cast<Buffer*>(this)->at(i); }
  ActivationType type() const { return type_; }
  std::vector<float> values() const {
    std::vector<float> result(bytes_.size() / (type_ == ActivationType::F32 ? 4 : 2));
    for (std::size_t i = 0; i < result.size(); ++i) {
      std::uint16_t bf16;
      std::memcpy(&bf16, at(static_cast<Index>(i)), 2);
      if (type_ == ActivationType::F32) std::memcpy(&result[i], at(static_cast<Index>(i)), 4);
      if (type_ == ActivationType::Bf16) result[i] = bfloat16_to_float(bf16);
    }
    return result;
  }

 private:
  ActivationType type_;
  std::vector<std::byte> bytes_;
};

class Amx : public testing::Test {
 protected:
  void SetUp() override {
    if (!tested_cpu().amx) GTEST_SKIP() << "neither AMX nor the vectors to emulate it";
  }

  // Null where the test is skipped.
  static KernelTable table(std::string_view level) {
    return tested_cpu().amx ? select_kernels(tested_cpu(), level).table : KernelTable{};
  }
  const KernelTable fast = table("amx"), reference = table("reference");
};

struct LinearCase {
  Index rows, in, out;
  Index x_gap = 0, y_gap = 0;
  Epilogue epilogue = Epilogue::Store;
  ActivationType x_type = ActivationType::Bf16, y_type = ActivationType::F32;
};

std::string described(const LinearCase& c) {
  const auto name = [](ActivationType type) {
    return type == ActivationType::F32 ? " F32" : " Bf16";
  };
  return "rows " + std::to_string(c.rows) + ", in " + std::to_string(c.in) + name(c.x_type) +
         ", out " + std::to_string(c.out) + name(c.y_type) + ", epilogue " +
         std::to_string(static_cast<int>(c.epilogue));
}

// x, W, b and what is in y before.
struct Problem {
  explicit Problem(const LinearCase& size)
      : c(size),
        x(c.x_type, random_normal(c.rows * (c.in + c.x_gap), {.seed = 1})),
        weight(random_normal(c.out * c.in,
                             {.deviation = 1 / std::sqrt(static_cast<float>(c.in)), .seed = 2})),
        bias(random_normal(c.out, {.seed = 3})),
        y(random_normal(c.rows * (c.out + c.y_gap), {.seed = 4})) {}

  LinearCase c;
  Buffer x;
  std::vector<float> weight, bias, y;
};

class Linear {
 public:
  Linear(const LinearKernel& kernel, const Problem& problem)
      : kernel_(kernel),
        p_(problem),
        c_(problem.c),
        packed_(kernel.packed_bytes(c_.out, c_.in)),
        y_(c_.y_type, p_.y) {
    kernel.pack({.weight = p_.weight.data(),
                 .out = c_.out,
                 .in = c_.in,
                 .first_row = 0,
                 .rows = c_.out,
                 .stride = c_.in,
                 .packed = packed_.data()});
  }

  void run(Index row, Index rows, Index column, Index columns) {
    AlignedBuffer<std::byte> scratch(kernel_.scratch_bytes(c_.in, rows));
    kernel_.run({.x = p_.x.at(row * (c_.in + c_.x_gap)),
                 .weight = packed_.data(),
                 .bias = p_.bias.data(),
                 .y = y_.at(row * (c_.out + c_.y_gap)),
                 .x_type = c_.x_type,
                 .y_type = c_.y_type,
                 .rows = rows,
                 .in = c_.in,
                 .out = c_.out,
                 .x_stride = c_.in + c_.x_gap,
                 .y_stride = c_.out + c_.y_gap,
                 .first_column = column,
                 .columns = columns,
                 .epilogue = c_.epilogue,
                 .scratch = scratch.data()});
  }
  std::vector<float> run_all() {
    const Index most = kernel_.row_block(c_.in, KernelTable().l2_bytes);
    for (Index row = 0; row < c_.rows; row += most) {
      run(row, std::min(most, c_.rows - row), 0, c_.out);
    }
    return y();
  }
  std::vector<float> y() const { return y_.values(); }

 private:
  const LinearKernel& kernel_;
  const Problem& p_;
  const LinearCase c_;
  AlignedBuffer<std::byte> packed_;
  Buffer y_;
};

std::vector<float> magnitudes(const LinearKernel& reference, const Problem& problem) {
  Problem p = problem;
  const auto absolute = [](std::vector<float> numbers) {
    for (float& x : numbers) x = std::abs(x);
    return numbers;
  };
  p.c.epilogue = Epilogue::Add;
  p.c.y_type = ActivationType::F32;
  p.x = Buffer(p.c.x_type, absolute(p.x.values()));
  p.weight = absolute(p.weight);
  p.bias = absolute(p.bias);
  p.y = absolute(p.y);
  return Linear(reference, p).run_all();
}

// As in linear_test: `roundings` in fp32, of a sum of the given magnitudes; then, where y is Bf16,
// one of each side to bf16.
void expect_agreement(const LinearKernel& fast, const LinearKernel& reference, const LinearCase& c,
                      double roundings) {
  SCOPED_TRACE(described(c));
  const Problem problem(c);
  const auto expected = Linear(reference, problem).run_all();
  std::vector<double> each;
  const auto sums = magnitudes(reference, problem);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double of_y =
        c.y_type == ActivationType::Bf16 ? 2 * kBf16Unit * std::abs(expected[i]) : 0;
    each.push_back(1.13 * roundings * kUnit * sums[i] + of_y);
  }
  const auto actual = Linear(fast, problem).run_all();
  EXPECT_TRUE(close(actual, expected, {.each = each}));
}

// A chain of `in` multiply-adds, in probability (see linear_test), and the epilogue.
double roundings_of_chain(Index in) { return 6 * std::sqrt(static_cast<double>(in)) + 6; }
// The sum is exact: rounding it, two scales, the bias, gelu or addition.
constexpr double kRoundingsOfS8 = 10;

TEST_F(Amx, LinearLayersAgreeAroundEveryTileSize) {
  for (const Index rows : {1, 15, 16, 17, 31, 32, 33, 70}) {
    for (const Index out : {1, 15, 16, 17, 31, 32, 33, 65}) {
      const LinearCase c{.rows = rows, .in = 50, .out = out};
      expect_agreement(fast.linear_bf16, reference.linear_bf16, c, roundings_of_chain(50));
      expect_agreement(fast.linear_s8, reference.linear_s8, c, kRoundingsOfS8);
    }
  }
}

// 512, 1024 and 2048 inputs are a chunk, two chunks and a pass in bf16.
TEST_F(Amx, LinearLayersAgreeAroundEveryBlockOfInputs) {
  for (const Index in : {1, 2, 31, 32, 33, 63, 64, 65, 511, 513, 1024, 1280, 1920, 2049, 4097}) {
    const LinearCase c{.rows = 40, .in = in, .out = 70};
    expect_agreement(fast.linear_bf16, reference.linear_bf16, c, roundings_of_chain(in));
    expect_agreement(fast.linear_s8, reference.linear_s8, c, kRoundingsOfS8);
  }
}

TEST_F(Amx, LinearLayersAgreeWithEveryEpilogueAndNumber) {
  for (const Index in : {70, 1030, 2100}) {
    for (const ActivationType x_type : {ActivationType::F32, ActivationType::Bf16}) {
      for (const ActivationType y_type : {ActivationType::F32, ActivationType::Bf16}) {
        for (const Epilogue epilogue : {Epilogue::Store, Epilogue::Gelu, Epilogue::Add}) {
          if (epilogue == Epilogue::Add && y_type == ActivationType::Bf16) continue;
          const LinearCase c{.rows = 35,
                             .in = in,
                             .out = 45,
                             .x_gap = 3,
                             .y_gap = 5,
                             .epilogue = epilogue,
                             .x_type = x_type,
                             .y_type = y_type};
          expect_agreement(fast.linear_bf16, reference.linear_bf16, c, roundings_of_chain(in));
          expect_agreement(fast.linear_s8, reference.linear_s8, c, kRoundingsOfS8);
        }
      }
    }
  }
}

TEST_F(Amx, LinearLayersAgreeOverManyBlocksOfRows) {
  const LinearCase c{.rows = 600, .in = 96, .out = 200, .epilogue = Epilogue::Gelu};
  expect_agreement(fast.linear_bf16, reference.linear_bf16, c, roundings_of_chain(c.in));
  expect_agreement(fast.linear_s8, reference.linear_s8, c, kRoundingsOfS8);
}

TEST_F(Amx, LinearLayersLeaveWhatLiesBetweenTheRows) {
  for (const ActivationType y_type : {ActivationType::F32, ActivationType::Bf16}) {
    const LinearCase c{.rows = 35, .in = 64, .out = 45, .y_gap = 7, .y_type = y_type};
    const Problem problem(c);
    const auto before = Buffer(y_type, problem.y).values();
    const auto after = Linear(fast.linear_bf16, problem).run_all();
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (i % 52 < 45) continue;
      ASSERT_EQ(after[i], before[i]) << i;
    }
  }
}

TEST_F(Amx, LinearLayersDoNotDependOnHowWorkIsCut) {
  for (const LinearKernel* kernel : {&fast.linear_bf16, &fast.linear_s8}) {
    const LinearCase c{.rows = 70, .in = 2100, .out = 100, .epilogue = Epilogue::Add};
    const Problem problem(c);
    const auto whole = Linear(*kernel, problem).run_all();
    Linear parts(*kernel, problem);
    for (const auto& [row, rows] : {std::pair{0, 1}, {1, 40}, {41, 29}}) {
      parts.run(row, rows, 0, 32);
      parts.run(row, rows, 32, 64);
      parts.run(row, rows, 96, 4);
    }
    EXPECT_EQ(parts.y(), whole);
  }
}

TEST_F(Amx, LinearLayersGiveTheSameBitsInEveryThread) {
  const Problem problem({.rows = 256, .in = 200, .out = 64});
  for (const LinearKernel* kernel : {&fast.linear_bf16, &fast.linear_s8}) {
    const auto whole = Linear(*kernel, problem).run_all();
    Linear shared(*kernel, problem);
    const ThreadPool pool(4);
    pool.parallel_tasks(8, [&](Index task, int) { shared.run(32 * task, 32, 0, 64); });
    EXPECT_EQ(shared.y(), whole);
    EXPECT_FALSE(tile_emulator::configured());
  }
}

// With scales of 1 y is the sum of the integers.
TEST_F(Amx, LinearS8HasTheIntegersOfTheDefinition) {
  const LinearCase c{.rows = 33, .in = 130, .out = 40, .x_type = ActivationType::F32};
  Problem problem(c);
  std::vector<float> x = problem.x.values();
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 130 == 0 ? 127 : std::clamp(x[i] * 40, -126.6f, 126.6f);
  }
  for (std::size_t i = 0; i < problem.weight.size(); ++i) {
    float& w = problem.weight[i];
    w = i % 130 == 0 ? -127 : std::clamp(w * 400, -126.6f, 126.6f);
  }
  problem.x = Buffer(ActivationType::F32, x);
  std::fill(problem.bias.begin(), problem.bias.end(), 0.0f);
  const auto y = Linear(fast.linear_s8, problem).run_all();
  EXPECT_EQ(y, Linear(reference.linear_s8, problem).run_all());
  int sum = 0;
  for (std::size_t i = 0; i < 130; ++i) {
    sum += static_cast<int>(std::nearbyint(x[i]) * std::nearbyint(problem.weight[i]));
  }
  EXPECT_EQ(y[0], static_cast<float>(sum));
}

TEST_F(Amx, LinearLayersLetNotANumberThroughToItsOwnRowOnly) {
  for (const LinearKernel* kernel : {&fast.linear_bf16, &fast.linear_s8}) {
    const LinearCase c{.rows = 40,
                       .in = 50,
                       .out = 34,
                       .epilogue = Epilogue::Gelu,
                       .x_type = ActivationType::F32,
                       .y_type = ActivationType::Bf16};
    Problem problem(c);
    std::vector<float> x = problem.x.values();
    x[3 * 50 + 7] = NAN;
    x[20 * 50 + 49] = NAN;
    problem.x = Buffer(ActivationType::F32, x);
    const auto y = Linear(*kernel, problem).run_all();
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(std::isnan(y[i]), i / 34 == 3 || i / 34 == 20) << "at " << i;
    }
  }
}

TEST_F(Amx, LinearBf16LetsInfinityThrough) {
  const LinearCase c{.rows = 2, .in = 40, .out = 34};
  Problem problem(c);
  std::vector<float> x = problem.x.values();
  x[40 + 7] = INFINITY;
  problem.x = Buffer(ActivationType::Bf16, x);
  const auto y = Linear(fast.linear_bf16, problem).run_all();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const float w = problem.weight[i % 34 * 40 + 7];
    const bool second_row = i >= 34;
    ASSERT_EQ(std::isinf(y[i]), second_row);
    ASSERT_TRUE(!second_row || (y[i] > 0) == (w > 0));
  }
}

// From here on arch_prctl, which asks for the use of tiles, fails.
bool refuse_tiles() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),  // the number of the system call
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),  // EPERM
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = 4, .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(CpuFeaturesDeathTest, HasNoAmxWhereTheKernelRefusesIt) {
  constexpr int kNone = 0, kHasAmx = 1, kNoFilter = 2;
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto ask = [] {
    if (!refuse_tiles()) std::_Exit(kNoFilter);
    std::_Exit(CpuFeatures::detect().amx ? kHasAmx : kNone);
  };
  EXPECT_EXIT(ask(), testing::ExitedWithCode(kNone), "");
}

}  // namespace
}  // namespace sapiens
