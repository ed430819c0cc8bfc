#include "checkpoint/numpy_array.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using namespace std::string_literals;

/// The pickle of one array, as NumPy and protocol 2 write it.
struct Pickled {
  std::string module = "numpy.core.multiarray";
  std::string shape = "(I2\nI2\nt";
  std::string type = "u1";
  std::string order = "|";
  std::string fortran = "I00\n";
  std::string bytes = "c_codecs\nencode\n(V\\u00ff\\u0001\\u0080A\nS'latin1'\ntR";

  std::string text() const {
    return "c" + module + "\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n" + shape +
           "cnumpy\ndtype\n(S'" + type + "'\nI00\nI01\ntR(I3\nS'" + order +
           "'\nNNNI-1\nI-1\nI0\ntb" + fortran + bytes + "tb";
  }
  std::optional<NumpyArray> read() const {
    const std::string pickle = text() + ".";
    ByteReader reader(std::as_bytes(std::span(pickle)), "test");
    const PickleGraph graph = read_pickle(reader);
    return read_numpy_array(graph, graph.root);
  }
};

std::string raw(std::string_view bytes) {  // BINBYTES, of protocol 3 and later
  const auto size = static_cast<char>(bytes.size());
  return "B"s + size + "\0\0\0"s + std::string(bytes);
}

TEST(NumpyArray, IsReadFromBothFormsOfItsBytes) {
  for (const auto& bytes : {Pickled().bytes, raw("\xff\x01\x80\x41")}) {
    const auto array = Pickled{.bytes = bytes}.read();
    ASSERT_TRUE(array);
    EXPECT_EQ(array->shape, (std::vector<Index>{2, 2}));
    EXPECT_EQ(array->values, (std::vector<double>{255, 1, 128, 65}));
  }
  EXPECT_TRUE(Pickled{.module = "numpy._core.multiarray"}.read());  // NumPy 2
}

TEST(NumpyArray, IsReadInEveryTypeOfNumber) {
  const std::string one = "(I1\nt";
  const auto value = [&](const std::string& type, std::string_view bytes) {
    const auto array =
        Pickled{.shape = one, .type = type, .order = "<", .bytes = raw(bytes)}.read();
    return array ? array->values.at(0) : -12345;
  };
  EXPECT_EQ(value("i1", "\xfe"), -2);
  EXPECT_EQ(value("u2", "\xfe\xff"), 65534);
  EXPECT_EQ(value("i2", "\xfe\xff"), -2);
  EXPECT_EQ(value("i4", "\xfe\xff\xff\xff"), -2);
  EXPECT_EQ(value("i8", "\xfe\xff\xff\xff\xff\xff\xff\xff"), -2);
  EXPECT_EQ(value("f4", "\x00\x00\xc0\x3f"s), 1.5);
  EXPECT_EQ(value("f8", "\x00\x00\x00\x00\x00\x00\xf8\x3f"s), 1.5);
}

TEST(NumpyArray, ArraysOfAnotherKindAreNotRead) {
  const Pickled cases[] = {
      {.module = "numpy.core.umath"},
      {.shape = "(I2\nI3\nt"},
      {.shape = "(I-2\nI-2\nt"},
      {.shape = "(I9223372036854775807\nI9223372036854775807\nt"},
      {.shape = "t"s.insert(0, "(")},
      {.shape = "(I1\nI1\nI1\nI2\nI2\nt"},
      {.shape = "N"},
      {.type = "O8"},
      {.type = "f4", .order = "<"},
      {.order = ">"},
      {.fortran = "I01\n"},
      {.bytes = "N"},
      {.bytes = "c_codecs\nencode\n(V\\u0100\\u0001\\u0080A\nS'latin1'\ntR"},
      {.bytes = "c_codecs\nencode\n(tR"},
      {.bytes = "cposix\nsystem\n(S'echo'\ntR"},
  };
  for (const Pickled& pickled : cases) EXPECT_FALSE(pickled.read()) << pickled.text();
}

TEST(NumpyArray, ArraysTooLargeForMetadataAreNotRead) {
  const std::string many(kMaxNumpyValues + 1, 'x');
  const auto of = [&](std::size_t count) {
    return Pickled{.shape = fmt::format("(I{}\nt", count),
                   .bytes = "c_codecs\nencode\n(S'" + many.substr(0, count) + "'\nS'latin1'\ntR"}
        .read();
  };
  EXPECT_TRUE(of(kMaxNumpyValues));
  EXPECT_FALSE(of(kMaxNumpyValues + 1));
}

TEST(NumpyArray, ArraysOfACheckpointBecomeMetadataLikeLists) {
  const StateDict state = test::parse(test::torch_zip("(dS'colours'\n" + Pickled().text() + "s."));
  EXPECT_EQ(state.metadata.at("colours.0.0"), "255");
  EXPECT_EQ(state.metadata.at("colours.1.0"), "128");
  EXPECT_EQ(state.metadata.size(), 4u);
}

}  // namespace
}  // namespace sapiens
