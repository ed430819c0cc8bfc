#include "checkpoint/pickle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/pickle_writer.hpp"
#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using test::error_of;
using ::testing::HasSubstr;

PickleGraph read(std::string_view pickle) {
  ByteReader reader(std::as_bytes(std::span(pickle)), "test");
  return read_pickle(reader);
}

bool is_refused(std::string_view pickle) {
  const auto error = error_of([&] { read(pickle); });
  return error && error->code() == ErrorCode::CorruptFile;
}

TEST(Pickle, ReadsTheNumbersOfEveryProtocol) {
  const std::pair<std::string, std::int64_t> cases[] = {
      {"I-12\n.", -12},
      {"L12345678901L\n.", 12345678901},
      {"K\xff.", 255},
      {"M\x01\x02.", 0x0201},
      {"J\xfe\xff\xff\xff.", -2},
      {"\x8a\x01\x80.", -128},
      {"\x8a\x02\xff\x7f.", 32767},
      {"\x8b\x01\x00\x00\x00\x05."s, 5},
      {"\x8a\x00."s, 0},
  };
  for (const auto& [pickle, value] : cases) {
    const PickleGraph graph = read(pickle);
    EXPECT_EQ(graph[graph.root].kind, PickleKind::Int);
    EXPECT_EQ(graph[graph.root].integer, value) << pickle;
  }
  for (const auto& pickle : {"F2.5\n."s, "G\x40\x04\x00\x00\x00\x00\x00\x00."s}) {
    const PickleGraph graph = read(pickle);
    EXPECT_EQ(graph[graph.root].real(), 2.5);
  }
  for (const auto& pickle : {"I01\n."s, "\x88."s}) {
    const PickleGraph graph = read(pickle);
    EXPECT_EQ(graph[graph.root].kind, PickleKind::Bool);
    EXPECT_EQ(graph[graph.root].integer, 1);
  }
}

TEST(Pickle, ReadsTheTextOfEveryProtocol) {
  for (const auto& pickle : {"S'caf\\xc3\\xa9'\n."s, "Vcaf\\u00e9\n."s,
                             "X\x05\x00\x00\x00"
                             "caf\xc3\xa9."s,
                             "\x8c\x05"
                             "caf\xc3\xa9."s,
                             "\x8d\x05\x00\x00\x00\x00\x00\x00\x00"
                             "caf\xc3\xa9."s}) {
    const PickleGraph graph = read(pickle);
    EXPECT_EQ(graph[graph.root].kind, PickleKind::Text);
    EXPECT_EQ(graph[graph.root].text, "caf\xc3\xa9") << pickle;
  }
}

TEST(Pickle, ReadsWhatIsWritten) {
  using List = PlainValue::List;
  const PlainValue::Dict written = {
      {{"names"}, {PlainValue::Dict{{{Index{0}}, {"tip"}}, {{Index{1}}, {"left.eye"}}}}},
      {{"links"}, {List{{List{{Index{-1}}, {Index{1} << 40}}}, {List{}}}}},
      {{"sigma"}, {0.026}}};
  PickleWriter writer;
  writer.dict(written);
  writer.op(Opcode::Stop);
  const PickleGraph graph = read(as_text(writer.bytes()));
  const auto pairs = graph.items(graph.root);
  ASSERT_EQ(pairs.size(), 6u);

  const auto names = graph.items(pairs[1]);
  ASSERT_EQ(graph[pairs[1]].kind, PickleKind::Dict);
  ASSERT_EQ(names.size(), 4u);
  EXPECT_EQ(graph[names[2]].kind, PickleKind::Int);
  EXPECT_EQ(graph[names[2]].integer, 1);
  EXPECT_EQ(graph[names[3]].text, "left.eye");

  const auto links = graph.items(pairs[3]);
  ASSERT_EQ(links.size(), 2u);
  EXPECT_EQ(graph[links[0]].kind, PickleKind::List);
  ASSERT_EQ(graph.items(links[0]).size(), 2u);
  EXPECT_EQ(graph[graph.items(links[0])[0]].integer, -1);
  EXPECT_EQ(graph[graph.items(links[0])[1]].integer, Index{1} << 40);
  EXPECT_TRUE(graph.items(links[1]).empty());

  EXPECT_EQ(graph[pairs[5]].kind, PickleKind::Float);
  EXPECT_EQ(graph[pairs[5]].real(), 0.026);
}

TEST(Pickle, KeepsTheOrderOfDictionaries) {
  const PickleGraph graph = read("(S'b'\nI1\nS'a'\nI2\nd.");
  const auto items = graph.items(graph.root);
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(graph[items[0]].text, "b");
  EXPECT_EQ(graph[items[2]].text, "a");
  EXPECT_EQ(graph[items[3]].integer, 2);
}

TEST(Pickle, KeepsCallsAsDataInsteadOfMakingThem) {
  for (const auto& pickle :
       {"cposix\nsystem\n(S'echo'\ntR."s, "(S'echo'\niposix\nsystem\n."s,
        "(cposix\nsystem\nS'echo'\no."s, "\x8c\x05posix\x8c\x06system\x93(S'echo'\nt\x81."s}) {
    const PickleGraph graph = read(pickle);
    const PickleNode& object = graph[graph.root];
    ASSERT_EQ(object.kind, PickleKind::Object);
    EXPECT_TRUE(graph.is_global(object.callable, "posix", "system"));
    EXPECT_EQ(graph[graph.items(object.args)[0]].text, "echo");
  }
}

TEST(Pickle, StopsBehindItsStop) {
  ByteReader reader(std::as_bytes(std::span("K\x01.K\x02."sv)), "test");
  read_pickle(reader);
  const PickleGraph second = read_pickle(reader);
  EXPECT_EQ(second[second.root].integer, 2);
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(Pickle, RefusesWhatBreaksItsRules) {
  for (const auto& pickle : {"."s,
                             "K\x01"s,
                             "R."s,
                             "K\x01R."s,
                             "t."s,
                             "(K\x01s."s,
                             "}K\x01K\x02K\x03u."s,
                             "h\x05."s,
                             "K\x01(a."s,
                             "]K\x01K\x02s."s,
                             "}K\x01"
                             "a."s,
                             "(o."s,
                             "(K\x01K\x02K\x03"
                             "d."s,
                             "\xff."s,
                             "\x80\x06N."s,
                             "Fabc\n."s,
                             "Sabc\n."s,
                             "K\x01K\x02\x93."s,
                             "p-1\n."s,
                             "("s,
                             "b."s}) {
    EXPECT_TRUE(is_refused(pickle)) << ::testing::PrintToString(pickle);
  }
}

TEST(Pickle, AllocatesNothingForALengthThatIsOnlyClaimed) {
  EXPECT_TRUE(is_refused("X\xff\xff\xff\xffxx."s));
  EXPECT_TRUE(is_refused("\x8d\xff\xff\xff\xff\xff\xff\xff\xffxx."s));
  EXPECT_TRUE(is_refused("\x8b\xff\xff\xff\x7fxx."s));
  EXPECT_TRUE(is_refused("\x8b\xff\xff\xff\xffxx."s));  // a negative length
}

TEST(Pickle, SurvivesAMillionLevelsOfNesting) {
  constexpr std::size_t kDeep = 1'000'000;
  std::string pickle(kDeep, ']');
  pickle += std::string(kDeep - 1, 'a');
  pickle += '.';
  const PickleGraph graph = read(pickle);
  EXPECT_EQ(graph.items(graph.root).size(), 1u);
}

TEST(Pickle, SurvivesAListThatContainsItself) {
  const PickleGraph graph = read(
      "]q\x00h\x00"
      "a."s);
  EXPECT_EQ(graph.items(graph.root)[0], graph.root);
}

TEST(Pickle, LimitsTheNumberOfValues) {
  EXPECT_TRUE(is_refused(std::string(kMaxPickleValues + 1, ']')));
}

TEST(PickledCheckpoint, SurvivesNestingAndCycles) {
  constexpr std::size_t kDeep = 1'000'000;
  const std::string deep = std::string(kDeep, ']') + std::string(kDeep - 1, 'a') + '.';
  EXPECT_TRUE(test::parse(test::torch_zip(deep)).tensors.empty());
  EXPECT_TRUE(test::parse(test::torch_zip("]q\x00h\x00"
                                          "a."s))
                  .tensors.empty());
}

// Thirty dictionaries, each holding the one before twice: 2^30 paths in 400 bytes.
TEST(PickledCheckpoint, RefusesABillionLaughs) {
  std::string pickle = "}q\x00S'a'\nI1\ns"s;
  for (char level = 1; level <= 30; ++level) {
    const char before = static_cast<char>(level - 1);
    pickle += "}q"s + level + "S'a'\nh"s + before + "sS'b'\nh"s + before + "s"s;
  }
  pickle += '.';
  const auto error = error_of([&] { test::parse(test::torch_zip(pickle)); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
  EXPECT_THAT(error->what(), HasSubstr("too often"));
}

// One long text used as key and value again and again: megabytes would become terabytes.
TEST(PickledCheckpoint, LimitsTheTextItCopies) {
  std::string pickle = "X\x00\x00\x10\x00"s + std::string(1 << 20, 'x') + "q\x00"s + "0]("s;
  for (int i = 0; i < 2000; ++i) pickle += "h\x00"s;
  pickle += "e.";
  EXPECT_TRUE(error_of([&] { test::parse(test::torch_zip(pickle)); }));
}

}  // namespace
}  // namespace sapiens
