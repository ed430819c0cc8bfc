#include "cli/run/feature_files.hpp"

#include <fmt/format.h>

#include <sapiens/npy.hpp>
#include <sapiens/quantize.hpp>
#include <utility>

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// ".layer05.featmap.npy", ".layer05.featmap.scale.npy" or, of the only array, ".npy".
std::string suffix_of(const FeatureName& name, bool scale) {
  return fmt::format("{}{}{}.npy", name.text.empty() ? "" : ".", name.text, scale ? ".scale" : "");
}

}  // namespace

std::vector<FeatureName> feature_names(std::span<const Index> layers,
                                       std::span<const OutType> out_types) {
  std::vector<FeatureName> names;
  for (const Index layer : layers) {
    for (const OutType type : out_types) {
      std::string text = layers.size() > 1 ? fmt::format("layer{:02}", layer) : std::string();
      if (out_types.size() > 1) {
        text += fmt::format("{}{}", text.empty() ? "" : ".", out_type_name(type));
      }
      names.push_back({std::move(text), layer, type});
    }
  }
  return names;
}

NpyFeatureFiles::NpyFeatureFiles(fs::path folder, bool partial)
    : folder_(std::move(folder)), partial_(partial) {}

fs::path NpyFeatureFiles::file_of(const fs::path& key, const std::string& suffix) const {
  fs::path file = folder_ / key;
  return file += (partial_ ? ".partial" : "") + suffix;
}

std::vector<JobFile> NpyFeatureFiles::files_of(const fs::path& key,
                                               std::span<const FeatureName> names,
                                               DType dtype) const {
  std::vector<JobFile> files;
  for (const FeatureName& name : names) {
    const Json label = {{"layer", name.layer}, {"out_type", out_type_name(name.out_type)}};
    files.push_back({file_of(key, suffix_of(name, false)), label});
    if (dtype != DType::I8) continue;
    files.push_back({file_of(key, suffix_of(name, true)), label});
    files.back().label["scale"] = true;
  }
  return files;
}

fs::path NpyFeatureFiles::image_of(const fs::path& key) const { return file_of(key, ".png"); }

void NpyFeatureFiles::write(const fs::path& key, std::span<const FeatureArray> arrays,
                            DType dtype) {
  create_parent(file_of(key, ""));
  for (const FeatureArray& array : arrays) {
    const fs::path file = file_of(key, suffix_of(array.name, false));
    if (dtype != DType::I8) {
      write_npy(file, array.shape, array.values, dtype);
      continue;
    }
    const QuantizedRows rows = quantize_rows(array.shape, array.values);
    write_npy_int8(file, rows.shape, rows.values);
    write_npy(file_of(key, suffix_of(array.name, true)), rows.scales.shape, rows.scales.values);
  }
}

}  // namespace sapiens::cli
