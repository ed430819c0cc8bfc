#include "cli/sparse_checkpoint.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace sapiens {

void make_sparse_2b(const std::string& path) {
  nlohmann::ordered_json header;
  std::uint64_t offset = 0;
  const auto add = [&](const std::string& key, std::vector<std::uint64_t> shape) {
    std::uint64_t bytes = 4;
    for (const std::uint64_t extent : shape) bytes *= extent;
    header[key] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  };
  const auto add_layer = [&](const std::string& name, std::vector<std::uint64_t> shape) {
    add(name + ".weight", shape);
    add(name + ".bias", {shape[0]});
  };
  constexpr std::uint64_t kEncoderWidth = 1920;
  add("cls_token", {1, 1, kEncoderWidth});
  add("pos_embed", {1, 4097, kEncoderWidth});
  add_layer("patch_embed.projection", {kEncoderWidth, 3, 16, 16});
  for (int i = 0; i < 48; ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    add_layer(layer + "ln1", {kEncoderWidth});
    add_layer(layer + "attn.qkv", {3 * kEncoderWidth, kEncoderWidth});
    add_layer(layer + "attn.proj", {kEncoderWidth, kEncoderWidth});
    add_layer(layer + "ln2", {kEncoderWidth});
    add_layer(layer + "ffn.layers.0.0", {4 * kEncoderWidth, kEncoderWidth});
    add_layer(layer + "ffn.layers.1", {kEncoderWidth, 4 * kEncoderWidth});
  }
  add_layer("ln1", {kEncoderWidth});

  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  file.close();
  std::filesystem::resize_file(path, sizeof length + text.size() + offset);
}

}  // namespace sapiens
