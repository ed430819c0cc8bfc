// Objects of unknown classes: their contents are read as data, and nothing is run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/support.hpp"
#include "checkpoint/zip_writer.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::parse;
using test::pickled_dict;
using test::pickled_tensor;
using test::torch_zip;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

StateDict read_pickle(const std::string& pickle) { return parse(torch_zip(pickle + ".")); }

std::vector<std::string> paths(const StateDict& state) {
  std::vector<std::string> found;
  for (const TensorEntry& tensor : state.tensors) found.push_back(tensor.path());
  return found;
}

std::string object(std::string_view type, std::string_view args = "") {
  return "c" + std::string(type) + "\n(" + std::string(args) + "tR";
}

const std::string kTensor = pickled_tensor();
const std::string kEntry = "S'w'\n" + kTensor + "s";

TEST(DictSubclass, HasItsItems) {
  EXPECT_THAT(paths(read_pickle(object("addict.addict\nDict") + kEntry)), ElementsAre("w"));
  EXPECT_THAT(paths(read_pickle(pickled_dict("state_dict", object("box.box\nBox") + kEntry))),
              ElementsAre("state_dict.w"));
}

TEST(DictSubclass, MayBeItsOwnState) {  // addict
  EXPECT_THAT(paths(read_pickle(object("addict.addict\nDict") + "p0\n" + kEntry + "g0\nb")),
              ElementsAre("w"));
}

TEST(DictSubclass, MayHaveItsItemsAsAttributesToo) {  // EasyDict
  const std::string easy =
      object("easydict\nEasyDict") + "S'w'\n" + kTensor + "p1\ns" + "}S'w'\ng1\nsb";
  EXPECT_THAT(paths(read_pickle(easy)), ElementsAre("w"));
}

TEST(DictSubclass, MayBeCalledWithItsItems) {
  const std::string dict = "}" + kEntry;
  EXPECT_THAT(paths(read_pickle(object("mmengine.config.config\nConfigDict", dict))),
              ElementsAre("w"));
  // OrderedDict([["w", tensor]]) of Python 2
  const std::string pairs = "((lp5\nS'w'\n" + kTensor + "lp6\na";
  EXPECT_THAT(paths(read_pickle("ccollections\nOrderedDict\n((l(S'w'\n" + kTensor + "latR")),
              ElementsAre("w"))
      << pairs;
  // _reconstructor(class, dict, {...}) of protocols 0 and 1
  EXPECT_THAT(
      paths(read_pickle(object("copy_reg\n_reconstructor", "cm\nD\nc__builtin__\ndict\n" + dict))),
      ElementsAre("w"));
}

TEST(ListSubclass, HasItsItemsByNumber) {
  EXPECT_THAT(paths(read_pickle(object("m\nPieces") + kTensor + "a" + kTensor + "a")),
              ElementsAre("0", "1"));
}

TEST(Attributes, AreNamedLikeItems) {
  const std::string state = pickled_dict("model", "}" + kEntry) + "S'lr'\nF0.5\ns";
  const StateDict space = read_pickle(object("argparse\nNamespace") + state + "b");
  EXPECT_THAT(paths(space), ElementsAre("model.w"));
  EXPECT_EQ(space.metadata.at("lr"), "0.5");
  // __slots__: (None, {...})
  EXPECT_THAT(paths(read_pickle(pickled_dict("c", object("m\nSlots") + "(N}" + kEntry + "tb"))),
              ElementsAre("c.w"));
  // a state of another form, by number
  EXPECT_THAT(paths(read_pickle(object("m\nOwn") + "(I1\nI2\n" + kTensor + "tb")),
              ElementsAre("2"));
}

TEST(Attributes, MayLeadBackToTheirObject) {
  const std::string cyclic =
      object("m\nTrainer") + "p0\n}S'self'\ng0\nsS'again'\n}S'x'\ng0\nss" + kEntry + "b";
  EXPECT_THAT(paths(read_pickle(cyclic)), ElementsAre("w"));
}

TEST(Attributes, AttributesWithoutTensorsStayOpaque) {
  const StateDict state =
      read_pickle("}S'log'\n" + object("m\nLog") + "}S'values'\n(I1\nI2\nlsbs" + kEntry);
  EXPECT_THAT(paths(state), ElementsAre("w"));
  EXPECT_THAT(state.opaque, Contains("log: m.Log"));
}

TEST(NamedTuple, HasItsFieldsByNumber) {
  EXPECT_THAT(paths(read_pickle(object("m\nCheckpoint", "}" + kEntry + "I3\n"))),
              ElementsAre("0.w"));
}

TEST(Keys, KeysOfBytesAreReadAsText) {
  const StateDict plain = read_pickle("}C\x01w" + kTensor + "s");
  EXPECT_THAT(paths(plain), ElementsAre("w"));
  EXPECT_THAT(plain.notes, Contains(HasSubstr("1 name stored as bytes")));
  // protocol 2 spells bytes as a call
  EXPECT_THAT(paths(read_pickle("}" + object("_codecs\nencode", "Vw\nVlatin1\n") + kTensor + "s")),
              ElementsAre("w"));
  EXPECT_THAT(paths(read_pickle("}C\x01\xe9" + kTensor + "s")), ElementsAre("\xc3\xa9"));
}

TEST(Keys, MayBeAnythingWithAName) {
  EXPECT_THAT(paths(read_pickle("}I7\n" + kTensor + "s")), ElementsAre("7"));
  EXPECT_THAT(
      paths(read_pickle("}N" + kTensor + "sI01\n" + kTensor + "s(S'a'\nI2\nt" + kTensor + "s")),
      ElementsAre("None", "true", "a.2"));
  // a tensor as a key: its number stands for it, as in the state_dict of an optimizer
  EXPECT_THAT(paths(read_pickle("}" + kTensor + "}" + kEntry + "s")), ElementsAre("0.w"));
}

std::string module(std::string_view parts) {
  return object("torch.nn\nM") + "}" + std::string(parts) + "b";
}

TEST(PickledModule, HasTheNamesOfItsStateDict) {
  const std::string child =
      module("S'_parameters'\n}" + kEntry + "sS'_buffers'\n}sS'_modules'\n}s");
  const std::string parts = "S'_parameters'\n}S'p'\n" + kTensor +
                            "sS'none'\nNssS'_buffers'\n}S'b'\n" + kTensor + "sS'c'\n" + kTensor +
                            "ssS'_modules'\n}S'layers'\n" +
                            module("S'_parameters'\n}sS'_modules'\n}S'0'\n" + child + "ss") + "ss";
  const std::string left_out = "S'_non_persistent_buffers_set'\nc__builtin__\nset\n((lS'c'\natRs";
  const StateDict whole = read_pickle(module(parts + left_out));
  EXPECT_THAT(paths(whole), UnorderedElementsAre("p", "b", "layers.0.w"));
  EXPECT_THAT(whole.notes, Contains(HasSubstr("1 non-persistent buffer left out")));
  EXPECT_THAT(paths(read_pickle(pickled_dict("model", module(parts)))),
              UnorderedElementsAre("model.p", "model.b", "model.c", "model.layers.0.w"));
}

TEST(PickledModule, SaysThatOtherAttributesAreNotRead) {
  const StateDict state = read_pickle(
      module("S'_parameters'\n}" + kEntry + "sS'_modules'\n}sS'cache'\n" + kTensor + "s"));
  EXPECT_THAT(paths(state), ElementsAre("w"));
  ASSERT_EQ(state.unreached.size(), 1u);
  EXPECT_THAT(state.unreached[0].what, HasSubstr("1 tensor in attributes of modules"));
}

TEST(NoTensors, IsToldFromTensorsWithoutANameAndFromArrays) {
  EXPECT_TRUE(read_pickle("}S'a'\nI1\ns").unreached.empty());
  const StateDict arrays = read_pickle(
      pickled_dict("w", object("numpy.core.multiarray\n_reconstruct", "cnumpy\nndarray\n")));
  ASSERT_EQ(arrays.unreached.size(), 1u);
  EXPECT_THAT(arrays.unreached[0].what, HasSubstr("1 NumPy array"));
}

// Every level refers to the next one three times: 3^40 ways, and one object more per level.
TEST(SharedObjects, CostNoMoreThanTheirNumber) {
  std::string pickle = object("m\nLeaf") + "}" + kEntry + "b";
  for (int level = 0; level < 40; ++level) {
    const std::string slot = "p" + std::to_string(level) + "\n0";
    const std::string get = "g" + std::to_string(level) + "\n";
    pickle += slot + object("m\nNode") + "}S'a'\n" + get + "sS'b'\n" + get + "sS'c'\n" + get + "sb";
  }
  EXPECT_EQ(read_pickle(pickle).tensors.size(), 1u);
}

TEST(FrozenScript, SaysThatItsTensorsHaveNoNames) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "frozen.pt";
  const std::string module = "c__torch__.m\nNet\n(t\x81}b.";
  const std::string constants = "(" + kTensor + kTensor + "t.";
  {
    ZipWriter zip(path);
    zip.add("frozen/data.pkl", std::as_bytes(std::span(module)));
    zip.add("frozen/constants.pkl", std::as_bytes(std::span(constants)));
    zip.add("frozen/constants/0", Bytes(64));
    zip.finish();
  }
  const StateDict state = open_checkpoint(path);
  EXPECT_EQ(state.format, CheckpointFormat::TorchScript);
  EXPECT_TRUE(state.tensors.empty());
  ASSERT_EQ(state.unreached.size(), 1u);
  EXPECT_THAT(state.unreached[0].what, HasSubstr("2 tensors without a name"));
  EXPECT_THAT(state.unreached[0].what, HasSubstr("frozen/constants/"));
  EXPECT_THAT(state.unreached[0].hint, HasSubstr("torch.jit.freeze"));
}

}  // namespace
}  // namespace sapiens
