#include "manifest.hpp"

#include <chrono>
#include <exception>
#include <fstream>
#include <sapiens/version.hpp>

#include "json_file.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifestName = "sapiens-features.json";

const char* out_type_name(OutType type) {
  switch (type) {
    case OutType::Featmap:
      return "featmap";
    case OutType::Raw:
      return "raw";
    case OutType::ClsToken:
      return "cls_token";
    case OutType::AvgFeatmap:
      return "avg_featmap";
  }
  return "?";
}

/// Microseconds since 1970: the same name and size may hold other weights.
std::int64_t modification_time(const fs::path& path) {
  std::error_code error;
  const fs::file_time_type time = fs::last_write_time(path, error);
  if (error) return 0;
  const auto since_1970 = std::chrono::file_clock::to_sys(time).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
}

}  // namespace

Json manifest_settings(const FeaturesOptions& options, const FeatureExtractor& extractor,
                       std::span<const Index> layers) {
  const Inspection& inspection = extractor.inspection();
  const ModelInfo& model = inspection.model;
  const auto& size = options.model.input_size;
  return {
      {"checkpoint",
       {{"path", absolute_text(options.checkpoint)},
        {"bytes", inspection.file.bytes},
        {"modified", modification_time(options.checkpoint)}}},
      {"verdict", verdict_name(inspection.report.verdict)},
      {"partial", extractor.partial()},
      {"model",
       {{"arch", model.arch},
        {"task", model.task},
        {"width", model.width},
        {"depth", model.depth},
        {"heads", model.heads},
        {"cls_token", model.cls_token},
        {"grid", {model.grid.height, model.grid.width}}}},
      {"patch_padding", model.patch_padding},
      {"out_type", out_type_name(options.request.out_type)},
      {"layers", Json(std::vector<Index>(layers.begin(), layers.end()))},
      {"norm", options.request.norm_layers},
      {"size", size ? Json({size->height, size->width}) : Json(nullptr)},
      {"preprocess", options.preprocess == PreprocessMode::Full ? "full" : "lite"},
      {"precision", extractor.stats().precision},
      {"dtype", dtype_name(options.dtype)},
  };
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  std::ifstream file(path);
  if (!file) return {};
  try {
    const Json json = Json::parse(file);
    return {json.at("settings"), json.at("inputs").get<std::map<std::string, std::string>>()};
  } catch (const std::exception& error) {  // also of the stream: it may be a folder
    throw Error(ErrorCode::CorruptFile, {.summary = "the record of the earlier run cannot be read",
                                         .file = path.string(),
                                         .actual = error.what(),
                                         .hint = "leave out --resume to compute everything again"});
  }
}

void write_manifest(const fs::path& folder, const Manifest& manifest) {
  const Json json = {
      {"version", SAPIENS_VERSION}, {"settings", manifest.settings}, {"inputs", manifest.inputs}};
  write_json(folder / kManifestName, json, "cannot record the settings of this run");
}

void expect_same_settings(const Json& before, const Json& now, const fs::path& folder) {
  for (const auto& [name, value] : now.items()) {
    const Json earlier = before.value(name, Json(nullptr));
    if (earlier == value) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the files in the output folder were made with other settings",
                 .file = (folder / kManifestName).string(),
                 .key = name,
                 .expected = earlier.dump(),
                 .actual = value.dump(),
                 .hint = "repeat the settings of the first run, choose another --output, or leave "
                         "out --resume"});
  }
}

}  // namespace sapiens::cli
