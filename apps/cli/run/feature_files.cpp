#include "cli/run/feature_files.hpp"

#include <fmt/format.h>

#include <sapiens/npy.hpp>
#include <sapiens/printable.hpp>
#include <sapiens/quantize.hpp>
#include <utility>

#include "cli/input/json_file.hpp"
#include "cli/run/unfinished_file.hpp"
#include "core/atomic_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// ".layer05.featmap.npy", ".layer05.featmap.scale.npy" or, of the only array, ".npy".
std::string suffix_of(const FeatureName& name, bool scale) {
  return fmt::format("{}{}{}.npy", name.text.empty() ? "" : ".", name.text, scale ? ".scale" : "");
}

/// `npy` is the file of `shape` numbers of `size` bytes.
EncodedArray encoded(const FeatureArray& array, std::vector<Index> shape, DType dtype,
                     std::size_t size, std::vector<std::byte> npy) {
  std::size_t numbers = size;
  for (const Index extent : shape) numbers *= static_cast<std::size_t>(extent);
  const std::size_t offset = npy.size() - numbers;
  return {.name = array.name,
          .shape = std::move(shape),
          .dtype = dtype,
          .npy = std::move(npy),
          .offset = offset};
}

/// The index of a shard, which is JSON, could not say where the file is.
void expect_text(const fs::path& name) {
  const std::string text = name.string();
  if (Json::parse(json_line(Json(text))) == Json(text)) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the name of this image is not UTF-8, and its files could not be found",
               .file = printable(text),
               .hint = "rename it, or choose --format webdataset or npy-shards"});
}

/// Whether there is such an image may be known to another process alone.
void expect_no_scales(const fs::path& name, std::span<const FeatureArray> arrays, DType dtype) {
  const bool scales = name.extension() == ".scale" && dtype == DType::I8;
  if (!scales || !arrays.front().name.text.empty()) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the file of this image would be called as the scales of another one",
               .file = printable(name.string()),
               .hint = "rename it, or choose --format webdataset or npy-shards"});
}

class FileShard : public FeatureShard {
 public:
  FileShard(const ShardPlace& place, bool partial)
      : files_(place.output, partial, place.unfinished) {}

  std::vector<StoredArray> write(const FeatureSample& sample, std::span<const FeatureArray> arrays,
                                 DType dtype) override {
    expect_text(sample.name);
    expect_no_scales(sample.name, arrays, dtype);
    files_.expect_no_folders(sample.name, arrays, dtype);
    return files_.write(sample, arrays, dtype);
  }
  Json position() const override { return Json::object(); }
  void sync() override {}
  void resume(const fs::path&, const Json&) override {}
  void finish() override {}
  std::vector<fs::path> files() const override { return {}; }

 private:
  NpyFeatureFiles files_;
};

}  // namespace

std::unique_ptr<FeatureShard> make_file_shard(const ShardPlace& place, bool partial) {
  return std::make_unique<FileShard>(place, partial);
}

std::string EncodedArray::suffix() const { return suffix_of(name, scale); }

Json StoredArray::json() const {
  return {{"name", name.text},
          {"layer", name.layer},
          {"out_type", out_type_name(name.out_type)},
          {"scale", scale},
          {"dtype", dtype == DType::I8 ? "int8" : dtype_name(dtype)},
          {"shape", shape},
          {"file", file},
          {"offset", offset}};
}

std::vector<EncodedArray> encode_arrays(std::span<const FeatureArray> arrays, DType dtype) {
  std::vector<EncodedArray> all;
  for (const FeatureArray& array : arrays) {
    if (dtype != DType::I8) {
      all.push_back(encoded(array, array.shape, dtype, dtype_size(dtype),
                            encode_npy(array.shape, array.values, dtype)));
      continue;
    }
    QuantizedRows rows = quantize_rows(array.shape, array.values);
    all.push_back(encoded(array, rows.shape, dtype, sizeof(std::int8_t),
                          encode_npy_int8(rows.shape, rows.values)));
    const FloatArray& scales = rows.scales;
    all.push_back(encoded(array, scales.shape, DType::F32, sizeof(float),
                          encode_npy(scales.shape, scales.values)));
    all.back().scale = true;
  }
  return all;
}

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

NpyFeatureFiles::NpyFeatureFiles(fs::path folder, bool partial, std::optional<fs::path> unfinished)
    : folder_(std::move(folder)), partial_(partial), unfinished_(std::move(unfinished)) {}

void NpyFeatureFiles::write_file(const fs::path& path, std::span<const std::byte> bytes) const {
  if (unfinished_) {
    UnfinishedFile file(*unfinished_ / "array.npy", path);
    file.write_at(0, bytes);
    return file.finish();
  }
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

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

void NpyFeatureFiles::expect_no_folders(const fs::path& key, std::span<const FeatureArray> arrays,
                                        DType dtype) const {
  std::vector<FeatureName> names;
  for (const FeatureArray& array : arrays) names.push_back(array.name);
  const auto refuse = [](const fs::path& path, const char* summary) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = summary,
                 .file = path.string(),
                 .hint = "rename the image, or choose --format webdataset or npy-shards"});
  };
  std::error_code none;
  for (const JobFile& file : files_of(key, names, dtype)) {
    if (fs::is_directory(file.path, none)) refuse(file.path, "a folder is called as this file");
  }
  for (fs::path folder = key.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    const fs::path path = folder_ / folder;
    if (fs::exists(path, none) && !fs::is_directory(path, none)) {
      refuse(path, "a file is called as this folder");
    }
  }
}

fs::path NpyFeatureFiles::image_of(const fs::path& key) const { return file_of(key, ".png"); }

std::vector<StoredArray> NpyFeatureFiles::write(const FeatureSample& sample,
                                                std::span<const FeatureArray> arrays, DType dtype) {
  std::vector<StoredArray> stored;
  create_parent(file_of(sample.name, ""));
  for (EncodedArray& array : encode_arrays(arrays, dtype)) {
    const fs::path path = file_of(sample.name, array.suffix());
    write_file(path, array.npy);
    stored.push_back({.name = std::move(array.name),
                      .scale = array.scale,
                      .shape = std::move(array.shape),
                      .dtype = array.dtype,
                      .file = path.lexically_relative(folder_).generic_string(),
                      .offset = array.offset});
  }
  return stored;
}

}  // namespace sapiens::cli
