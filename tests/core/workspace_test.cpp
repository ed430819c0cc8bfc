#include "core/workspace.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

template <class F>
ErrorCode code_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::Internal;
}

bool aligned(const void* p, std::uintptr_t to) {
  return reinterpret_cast<std::uintptr_t>(p) % to == 0;
}

TEST(AlignedBuffer, IsZeroAndAligned) {
  for (const Index size : {1, 15, 16, 17, 1000, 1 << 20}) {
    const AlignedBuffer<float> buffer(size);
    EXPECT_TRUE(aligned(buffer.data(), 64));
    for (const float x : buffer.span()) ASSERT_EQ(x, 0.0f);
  }
  EXPECT_TRUE(aligned(AlignedBuffer<std::byte>(3 << 20).data(), 2 << 20));
}

TEST(AlignedBuffer, MovesWithoutCopying) {
  AlignedBuffer<int> first(10);
  int* const data = first.data();
  AlignedBuffer<int> second(std::move(first));
  EXPECT_EQ(second.data(), data);
  AlignedBuffer<int> third;
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 10);
}

TEST(AlignedBuffer, ReportsMemoryThatIsNotThere) {
  constexpr Index kMax = std::numeric_limits<Index>::max();
  for (const Index size : {Index{-1}, kMax / 8, kMax}) {
    EXPECT_EQ(code_of([&] { AlignedBuffer<float> buffer(size); }), ErrorCode::OutOfResources);
  }
}

TEST(Workspace, GivesBackWhatAScopeTook) {
  Workspace ws(4096);
  const float* first = nullptr;
  {
    const Workspace::Scope scope(ws);
    first = ws.matrix(4, 8).data();
    EXPECT_EQ(ws.used(), 128u);
  }
  EXPECT_EQ(ws.used(), 0u);
  EXPECT_EQ(ws.matrix(4, 8).data(), first);
}

TEST(Workspace, RoundsEveryPieceUpToACacheLine) {
  Workspace ws(4096);
  EXPECT_EQ(ws.floats(1).size(), 1u);
  EXPECT_TRUE(aligned(ws.floats(1).data(), 64));
  EXPECT_EQ(ws.used(), 128u);
  EXPECT_EQ(Workspace::rounded(65), 128u);
}

TEST(Workspace, RemembersTheMostThatWasInUse) {
  Workspace ws(4096);
  {
    const Workspace::Scope scope(ws);
    ws.floats(256);
  }
  ws.floats(16);
  EXPECT_EQ(ws.high_water(), 1024u);
}

TEST(Workspace, NeverGrows) {
  Workspace ws(100);
  EXPECT_EQ(ws.floats(25).size(), 25u);
  EXPECT_EQ(code_of([&] { ws.bytes(1); }), ErrorCode::OutOfResources);
  EXPECT_EQ(code_of([&] { ws.matrix(Index{1} << 40, Index{1} << 40); }), ErrorCode::OutOfResources);
}

TEST(Workspace, MeasuresWhatAPassTakesAtOnce) {
  const auto pass = [](Workspace& ws) {
    ws.floats(16);
    for (const Index rows : {4, 40, 1}) {
      const Workspace::Scope scope(ws);
      ws.matrix(rows, 16);
      ws.bytes(1);
    }
  };
  const std::size_t bytes = measured_bytes(pass);
  EXPECT_EQ(bytes, 64u + 40 * 64 + 64);
  Workspace ws(bytes);
  EXPECT_FALSE(ws.only_measures());
  pass(ws);
  EXPECT_EQ(ws.high_water(), bytes);
}

TEST(Workspace, MeasuresMoreThanThereIs) {
  Workspace ws = Workspace::measuring();
  EXPECT_TRUE(ws.only_measures());
  EXPECT_TRUE(aligned(ws.matrix(Index{1} << 20, Index{1} << 30).data(), 64));
  EXPECT_EQ(ws.used(), std::size_t{1} << 52);
  EXPECT_EQ(code_of([&] { ws.matrix(Index{1} << 40, Index{1} << 40); }), ErrorCode::OutOfResources);
}

}  // namespace
}  // namespace sapiens
