// Tensors of unsupported types and kinds are listed with their type.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::error_of;
using test::parse;
using test::pickled_dict;
using test::pickled_tensor;
using test::torch_zip;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes safetensors(std::string_view header, std::size_t data) {
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  text += header;
  text.append(data, '\0');
  return test::to_bytes(text);
}

TEST(UnreadableTensor, UnreadableSafetensorsAreListed) {
  const std::array<const char*, 4> cases[] = {{"F8_E4M3", "[2,4]", "8", "float8_e4m3fn"},
                                              {"F8_E5M2", "[8]", "8", "float8_e5m2"},
                                              {"F8_E8M0", "[8]", "8", "float8_e8m0fnu"},
                                              {"F4", "[16]", "8", "float4_e2m1fn_x2"},
                                              {"F6_E2M3", "[4]", "3", "float6_e2m3"},
                                              {"C64", "[1]", "8", "complex64"},
                                              {"U16", "[4]", "8", "uint16"},
                                              {"U64", "[1]", "8", "uint64"},
                                              {"F8_E4M3", "[0]", "0", "float8_e4m3fn"},
                                              {"Q3_NEW", "[5]", "7", "Q3_NEW"}};
  for (const auto& [type, shape, bytes, name] : cases) {
    const std::string header = std::string("{\"x\":{\"dtype\":\"") + type +
                               "\",\"shape\":" + shape + ",\"data_offsets\":[0," + bytes + "]}}";
    const Bytes file = safetensors(header, std::stoul(bytes));
    const StateDict state = parse(file);
    ASSERT_EQ(state.tensors.size(), 1u) << type;
    EXPECT_TRUE(state.tensors[0].unreadable) << type;
    EXPECT_EQ(state.tensors[0].type_name(), name);
  }
}

TEST(UnreadableTensor, UnreadableSafetensorsMustFitTheirBytes) {
  const Bytes file =
      safetensors(R"({"x":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,4]}})", 4);
  EXPECT_EQ(error_of([&] { parse(file); })->code(), ErrorCode::CorruptFile);
}

TEST(UnreadableTensor, LeavesTheOthersReadable) {
  std::string bad = pickled_tensor("ComplexDoubleStorage");
  bad.replace(bad.find("S'0'"), 4, "S'1'");
  const std::string pickle = "}S'good'\n" + pickled_tensor() + "sS'bad'\n" + bad + "s.";
  const Bytes file = torch_zip(pickle);
  const StateDict state = parse(file);
  ASSERT_EQ(state.tensors.size(), 2u);
  EXPECT_FALSE(state.tensors[0].unreadable);
  EXPECT_EQ(state.tensors[1].type_name(), "complex128");
}

TEST(UnreadableTensor, TensorsWithoutADenseArrayAreListedWithTheirShape) {
  const std::string size = "ctorch\nSize\n((I2\nI3\nttR";
  const std::string sparse = "ctorch._utils\n_rebuild_sparse_tensor\n(N(" + pickled_tensor() +
                             pickled_tensor() + size + "ttR";
  const std::string meta =
      "ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nfloat32\n(I2\nI3\nt("
      "I3\nI1\ntI00\ntR";
  const std::string wrapper =
      "ctorch._utils\n_rebuild_wrapper_subclass\n(cao\nT\nctorch\nfloat32\n("
      "I2\nI3\ntNI0\nNNI00\ntR";
  const std::array<std::string, 3> cases[] = {{sparse, "sparse", ".to_dense()"},
                                              {meta, "meta", "load the weights"},
                                              {wrapper, "wrapper subclass", "ordinary tensor"}};
  for (const auto& [pickle, type, hint] : cases) {
    const StateDict state = parse(torch_zip(pickled_dict("x", pickle) + "."));
    ASSERT_EQ(state.tensors.size(), 1u) << type;
    EXPECT_EQ(state.tensors[0].type_name(), type);
    EXPECT_THAT(state.tensors[0].shape, ElementsAre(2, 3)) << type;
    EXPECT_THAT(state.tensors[0].unreadable->hint, HasSubstr(hint));
    EXPECT_TRUE(state.unreached.empty()) << type;  // its parts are no tensors of their own
  }
}

TEST(UnreadableTensor, TensorsOfUnknownFunctionsAreListed) {
  const StateDict state =
      parse(torch_zip(pickled_dict("x", "ctorch._utils\n_rebuild_2030\n(tR") + "."));
  ASSERT_EQ(state.tensors.size(), 1u);
  EXPECT_EQ(state.tensors[0].type_name(), "made by _rebuild_2030");
}

// (function, class, arguments, {"_local_tensor": ...})
TEST(UnreadableTensor, DistributedTensorsNameTheConverter) {
  const std::string dtensor =
      "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_wrapper_subclass\n"
      "ctorch.distributed.tensor\nDTensor\n(ctorch.distributed.tensor\nDTensor\nctorch\nfloat32\n"
      "(I8\nt(I1\ntI0\nNNI00\nt" +
      pickled_dict("_local_tensor", pickled_tensor()) + "tR";
  const StateDict state = parse(torch_zip(pickled_dict("x", dtensor) + "."));
  ASSERT_EQ(state.tensors.size(), 1u);
  EXPECT_EQ(state.tensors[0].type_name(), "DTensor");
  EXPECT_THAT(state.tensors[0].shape, ElementsAre(8));
  EXPECT_THAT(state.tensors[0].unreadable->hint, HasSubstr("full_tensor()"));
  EXPECT_THAT(state.tensors[0].unreadable->hint, HasSubstr("dcp_to_torch"));
}

TEST(DistributedCheckpoint, FilesAreRefusedWithTheConverter) {
  const test::TemporaryFolder folder;
  for (const char* name : {"__0_0.distcp", ".metadata"}) {
    std::ofstream(folder / name, std::ios::binary) << "anything";
  }
  const std::filesystem::path paths[] = {folder / "__0_0.distcp", folder / ".metadata",
                                         folder.path()};
  for (const auto& path : paths) {
    const auto error = error_of([&] { open_checkpoint(path); });
    ASSERT_TRUE(error) << path;
    EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat) << path;
    EXPECT_THAT(error->detail().hint, HasSubstr("dcp_to_torch " + folder.path().string()));
  }
}

}  // namespace
}  // namespace sapiens
