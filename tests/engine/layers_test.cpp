#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/write.hpp"
#include "sapiens/features.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

struct LoadedArray {
  std::string key;
  std::vector<Index> shape;
  std::vector<float> values;
};

std::vector<LoadedArray> read_tensors(const std::filesystem::path& path) {
  std::vector<LoadedArray> tensors;
  const StateDict dict = open_checkpoint(path);
  for (const TensorEntry& entry : dict.tensors) {
    LoadedArray tensor{.key = entry.key, .shape = entry.shape, .values = {}};
    tensor.values.resize(static_cast<std::size_t>(entry.numel()));
    read_f32(entry, 0, tensor.values);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void write_tensors(const std::filesystem::path& path, const std::vector<LoadedArray>& tensors) {
  std::vector<TensorSource> sources;
  for (const LoadedArray& tensor : tensors) {
    sources.push_back({.key = tensor.key,
                       .dtype = DType::F32,
                       .shape = tensor.shape,
                       .read = [&tensor](Index first, std::span<std::byte> out) {
                         std::memcpy(out.data(), tensor.values.data() + first, out.size());
                       }});
  }
  write_safetensors(path, sources, {});
}

// Both branches of a block end in a linear layer; with these at zero the block passes tokens on as
// they are.
void make_idle(LoadedArray& tensor) {
  for (const char* last : {"attn.proj", "ffn.layers.1.", "ffn.w3."}) {
    if (tensor.key.find(last) != std::string::npos) std::ranges::fill(tensor.values, 0.0f);
  }
}

// The original's tokens between its layers, which no output shows: before the first block, and
// after the last one without the final norm. An idle block makes them visible from outside.
struct Family {
  const char *name, *checkpoint, *blocks, *after_last;
};
class BetweenLayers : public testing::TestWithParam<Family> {
 protected:
  std::vector<float> tokens_after(Index layer, const std::vector<LoadedArray>& tensors) {
    write_tensors(scratch_ / "model.safetensors", tensors);
    const Checkpoint checkpoint = Checkpoint::open(scratch_ / "model.safetensors");
    const bool told = golden_.facts().value("family", "sapiens") == "sapiens";
    Encoder encoder(checkpoint, told ? golden_.options() : ModelOptions(), exact());
    const FloatArray input = golden_.array("input");
    return encoder.run(input.view<4>(), {.out_types = {OutType::Raw}, .layers = {layer}})
        .layers.at(0)
        .values.values;
  }

  Golden golden_{GetParam().name};
  Scratch scratch_;
  std::vector<LoadedArray> tensors_ = read_tensors(golden_.file(GetParam().checkpoint));
  static constexpr float kTolerance =
      2e-5f;  // the stored values carry 3.6e-6 of rounding, ours as much
};

TEST_P(BetweenLayers, TokensEnterTheFirstBlockAsInTheOriginal) {
  for (LoadedArray& tensor : tensors_) make_idle(tensor);
  EXPECT_TRUE(close(tokens_after(0, tensors_), golden_.array("tokens_in").values,
                    {.absolute = kTolerance}));
}

TEST_P(BetweenLayers, TokensLeaveTheLastBlockAsInTheOriginal) {
  std::vector<LoadedArray> longer = tensors_;
  for (const LoadedArray& tensor : tensors_) {
    const std::string blocks = GetParam().blocks;
    if (!tensor.key.starts_with(blocks + "2.")) continue;
    LoadedArray fourth = tensor;
    fourth.key.replace(0, blocks.size() + 1, blocks + "3");
    make_idle(fourth);
    longer.push_back(std::move(fourth));
  }
  EXPECT_TRUE(close(tokens_after(2, longer), golden_.array(GetParam().after_last).values,
                    {.absolute = kTolerance}));
}

INSTANTIATE_TEST_SUITE_P(
    Golden, BetweenLayers,
    testing::Values(Family{"encoder_sq128", "encoder_clean.pth", "layers.", "after_layer2"},
                    Family{"sapiens2_sq128", "model.safetensors", "blocks.", "after_block2"}),
    [](const auto& family) { return std::string(family.param.name); });

}  // namespace
}  // namespace sapiens
