#include "cli/run/features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <sapiens/draw.hpp>
#include <sapiens/error.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/pooling.hpp>
#include <sapiens/prepared.hpp>
#include <utility>

#include "cli/input/archive_inputs.hpp"
#include "cli/run/jobs.hpp"
#include "cli/terminal/messages.hpp"
#include "core/progress.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExpected =
    "float32 [3, H, W] or [N, 3, H, W], resized and normalised as in training";

bool has_prepared_shape(const std::vector<Index>& shape) {
  const std::size_t rank = shape.size();
  const bool filled = std::ranges::find(shape, 0) == shape.end();
  return filled && (rank == 3 || rank == 4) && shape[rank - 3] == 3;
}

/// [H, W], [H, W, 1], [H, W, 3] and [H, W, 4], as programs store images, or a stack of them.
bool has_image_shape(const std::vector<Index>& shape) {
  const std::size_t rank = shape.size();
  if (rank == 2) return true;
  const Index last = rank == 0 ? 0 : shape.back();
  return (rank == 3 || rank == 4) && (last == 1 || last == 3 || last == 4);
}

[[noreturn]] void throw_image(const fs::path& path, const NpyHeaderInfo& info) {
  throw Error(
      ErrorCode::UnsupportedFormat,
      {.summary = "this array is an image, not a prepared input",
       .file = path.string(),
       .expected = kExpected,
       .actual = fmt::format("{} {}", info.type, dims_text(info.shape)),
       .hint =
           "give the image itself, which is then resized and normalised: save it as a PNG, e.g. "
           "PIL.Image.fromarray(array).save('image.png'), height and width first and as uint8"});
}

[[noreturn]] void throw_shape(const fs::path& path, const NpyHeaderInfo& info) {
  const bool grey = info.shape.size() == 3 && info.shape.front() == 1;
  throw Error(ErrorCode::ShapeMismatch,
              {.summary = "this array is not a prepared input",
               .file = path.string(),
               .expected = kExpected,
               .actual = fmt::format("{} {}", info.type, dims_text(info.shape)),
               .hint = grey ? "repeat the one channel three times before it is normalised" : ""});
}

bool is_integer(const std::string& type) {
  const std::size_t kind = type.find_first_not_of("<>|=");
  return kind != std::string::npos && (type[kind] == 'u' || type[kind] == 'i' || type[kind] == 'b');
}

FeatureItem read_array(const Job& job) {
  FeatureItem item;
  auto [array, doubt] = read_prepared(job.input.path);
  const std::size_t rank = array.shape.size();
  item.has_batch_axis = rank == 4;
  item.count = item.has_batch_axis ? array.shape[0] : 1;
  item.size = {array.shape[rank - 2], array.shape[rank - 1]};
  item.image_size = item.size;
  item.pixels = std::move(array);
  item.warning = std::move(doubt);
  return item;
}

FeatureItem read_image(const Encoder& encoder, const FeatureArguments& options, const Job& job,
                       InputReader& reader) {
  FeatureItem item;
  item.image = reader.read(job.input);
  item.pixels = encoder.preprocess(item.image, options.preprocess);
  item.size = {item.pixels.shape[1], item.pixels.shape[2]};
  item.image_size = {item.image.height, item.image.width};
  if (job.images.empty()) item.image = {};  // nothing will be drawn on it
  return item;
}

PoolRegion read_region(const FeaturePooling& pooling, const Job& job, const FeatureItem& item) {
  if (!pooling.needs_region()) return {};
  if (!item.has_batch_axis) return pooling.region_of(job, item.image_size);
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "a mask, or boxes, are about one image, and this array holds several",
               .file = job.input.text(),
               .key = "--pool",
               .hint = "give one array [3, H, W] per image"});
}

FeatureItem load_input(const Encoder& encoder, const FeatureArguments& options,
                       const FeaturePooling& pooling, const Job& job, InputReader& reader) {
  const Stopwatch watch;
  FeatureItem item =
      is_array(job.input.path) ? read_array(job) : read_image(encoder, options, job, reader);
  item.region = read_region(pooling, job, item);
  if (!item.warning.empty() && !item.region.warning.empty()) item.warning += " ";
  item.warning += item.region.warning;
  item.seconds.decode = watch.seconds();
  return item;
}

void append(std::vector<LayerFeatures>& all, std::vector<LayerFeatures> more) {
  if (all.empty()) {
    all = std::move(more);
    return;
  }
  for (std::size_t layer = 0; layer < all.size(); ++layer) {
    FloatArray& to = all[layer].values;
    const FloatArray& from = more[layer].values;
    to.shape[0] += from.shape[0];
    to.values.insert(to.values.end(), from.values.begin(), from.values.end());
  }
}

/// The images of all items, at most --batch at once.
std::vector<LayerFeatures> forward(Encoder& encoder, const FeatureArguments& options,
                                   const std::vector<FeatureItem*>& items,
                                   const Progress& progress) {
  std::vector<TensorView<const float, 3>> images;
  for (const FeatureItem* item : items) {
    const auto [height, width] = item->size;
    for (Index i = 0; i < item->count; ++i) {
      images.push_back({item->pixels.values.data() + i * 3 * height * width, {3, height, width}});
    }
  }
  const auto batch = static_cast<std::size_t>(options.batch);
  const auto count = static_cast<double>(images.size());
  std::vector<LayerFeatures> all;
  for (std::size_t first = 0; first < images.size(); first += batch) {
    const auto some = std::span(images).subspan(first, std::min(batch, images.size() - first));
    FeatureOptions features = options.features;
    features.progress = part_of(progress, static_cast<double>(first) / count,
                                static_cast<double>(some.size()) / count);
    append(all, encoder.run(some, features).layers);
  }
  return all;
}

void compute_features(Encoder& encoder, const FeatureArguments& options,
                      std::span<FeatureItem> batch, const Progress& progress) {
  const std::vector<FeatureItem*> items = without_error(batch);
  if (items.empty()) return;
  const Stopwatch watch;
  Index count = 0;
  for (FeatureItem* item : items) item->first = std::exchange(count, count + item->count);
  guarded(items, [&] {
    const auto layers = std::make_shared<const std::vector<LayerFeatures>>(
        forward(encoder, options, items, progress));
    for (FeatureItem* item : items) item->layers = layers;
  });
  const double each = watch.seconds() / static_cast<double>(count);
  for (FeatureItem* item : items) {
    item->seconds.encoder = each * static_cast<double>(item->count);
    item->pixels = {};
  }
}

Error overflow(const Job& job, DType dtype) {
  const bool half = dtype == DType::F16, brain = dtype == DType::BF16;
  std::string expected = "finite numbers", hint = "look for NaN or infinity in this input";
  if (half) expected = "numbers below 65520, as f16 can hold them";
  if (brain) expected = "numbers below 3.396e38, as bf16 can hold them";
  if (half || brain) hint = fmt::format("leave out --dtype {}", dtype_name(dtype));
  return Error(ErrorCode::InvalidArgument,
               {.summary = "the features hold numbers that cannot be written",
                .file = job.input.text(),
                .key = half || brain ? "--dtype" : "",
                .expected = std::move(expected),
                .hint = std::move(hint)});
}

/// What of the features of a batch belongs to one item.
std::span<const float> values_of(const LayerFeatures& features, const FeatureItem& item) {
  const FloatArray& all = features.values;
  const std::size_t each = all.values.size() / static_cast<std::size_t>(all.shape[0]);
  return std::span(all.values).subspan(item.first * each, item.count * each);
}

std::vector<Index> shape_of(const LayerFeatures& features, const FeatureItem& item) {
  std::vector<Index> shape = features.values.shape;
  shape[0] = item.count;
  if (!item.has_batch_axis) shape.erase(shape.begin());
  return shape;
}

bool has_map(OutType type) { return type == OutType::Featmap || type == OutType::Raw; }

/// The first map of the last block.
const LayerFeatures& drawn_features(const FeatureItem& item) {
  return *std::ranges::find_if(*item.layers, [&](const LayerFeatures& features) {
    return features.layer == item.layers->back().layer && has_map(features.out_type);
  });
}

Image draw_item(const Encoder& encoder, const FeatureItem& item) {
  const auto shape = encoder.output_shapes(item.size).featmap;
  const LayerFeatures& drawn = drawn_features(item);
  std::span<const float> features = values_of(drawn, item);
  FloatArray map;
  if (drawn.out_type == OutType::Raw) {
    const Index tokens = std::ssize(features) / shape[0];
    map = featmap_of_tokens({features.data(), {tokens, shape[0]}}, {shape[1], shape[2]});
    features = map.values;
  }
  return draw_features(item.image, {features.data(), {shape[0], shape[1], shape[2]}});
}

/// The maps of all images of an item, each reduced.
FloatArray pool_item(const Encoder& encoder, const FeaturePooling& pooling,
                     const LayerFeatures& features, const FeatureItem& item) {
  const std::span<const float> values = values_of(features, item);
  const auto& shape = features.values.shape;
  const PatchPlacement placement = encoder.patch_placement(item.image_size, item.size);
  FloatArray all;
  for (Index i = 0; i < item.count; ++i) {
    const float* const map = values.data() + i * shape[1] * shape[2] * shape[3];
    FloatArray one = pooling.pool({map, {shape[1], shape[2], shape[3]}}, item.region, placement);
    if (!item.has_batch_axis) return one;
    all.shape = std::move(one.shape);
    all.values.insert(all.values.end(), one.values.begin(), one.values.end());
  }
  all.shape.insert(all.shape.begin(), item.count);
  return all;
}

/// The shape of each file: with int8, an array is followed by a scale for each of its rows.
std::vector<std::vector<Index>> shapes_of_files(std::span<const FeatureArray> arrays, DType dtype) {
  std::vector<std::vector<Index>> shapes;
  for (const FeatureArray& array : arrays) {
    shapes.push_back(array.shape);
    if (dtype == DType::I8) shapes.emplace_back(array.shape.begin(), array.shape.end() - 1);
  }
  return shapes;
}

void write_features(const Encoder& encoder, const FeatureArguments& options,
                    const FeatureOutput& output, const Job& job, FeatureItem& item,
                    JobResult& result) {
  std::vector<FloatArray> pooled;  // keeps the numbers of arrays
  std::vector<FeatureArray> arrays;
  for (std::size_t i = 0; i < item.layers->size(); ++i) {
    const LayerFeatures& features = (*item.layers)[i];
    FeatureArray array{output.names[i], shape_of(features, item), values_of(features, item)};
    if (output.pooling.is_on() && features.out_type == OutType::Featmap) {
      FloatArray reduced = pool_item(encoder, output.pooling, features, item);
      array.shape = reduced.shape;
      array.values = pooled.emplace_back(std::move(reduced)).values;
    }
    if (!is_storable(array.values, options.dtype)) throw overflow(job, options.dtype);
    arrays.push_back(std::move(array));
  }
  const FeatureSample sample{.name = job.name, .key = job.key, .sidecars = job.input.sidecars};
  for (const StoredArray& stored : output.sink.write(sample, arrays, options.dtype)) {
    result.arrays.push_back(stored.json());
  }
  result.shape = arrays.front().shape;
  result.shapes_of_files = shapes_of_files(arrays, options.dtype);
  if (!item.region.boxes.empty()) {
    Json& boxes = result.details["boxes"] = Json::array();
    for (const Box& box : item.region.boxes) boxes.push_back({box.x, box.y, box.width, box.height});
  }
  if (!job.images.empty()) draw_item(encoder, item).write_png(job.images.front());
  item.image = {};
  item.region = {};
  item.layers.reset();
}

}  // namespace

std::uint64_t bytes_per_image(const Encoder& encoder, const FeatureArguments& options,
                              std::size_t layers) {
  const OutputShapes shapes = encoder.output_shapes(encoder.input_size());
  const std::map<OutType, std::span<const Index>> by_type = {
      {OutType::Featmap, shapes.featmap},
      {OutType::Raw, shapes.raw},
      {OutType::ClsToken, shapes.cls_token},
      {OutType::AvgFeatmap, shapes.avg_featmap},
      {OutType::Registers, shapes.registers}};
  Index numbers = 0;
  for (const OutType type : options.features.out_types) {
    const std::vector<Index> pooled = options.pool.shape(shapes.featmap);
    const std::span<const Index> shape = type == OutType::Featmap ? pooled : by_type.at(type);
    numbers += std::accumulate(shape.begin(), shape.end(), Index{1}, std::multiplies<>());
  }
  return static_cast<std::uint64_t>(numbers) * layers * dtype_size(options.dtype);
}

bool draws_features(const FeatureArguments& options) {
  return options.viz && std::ranges::any_of(options.features.out_types, has_map);
}

PreparedArray read_prepared(const fs::path& path) {
  const NpyHeaderInfo info = read_npy_info(path);
  // [3, H, 3] may be both; an image so low is not.
  if (!has_prepared_shape(info.shape) && has_image_shape(info.shape)) throw_image(path, info);
  if (is_integer(info.type)) throw_image(path, info);
  if (!has_prepared_shape(info.shape)) throw_shape(path, info);
  PreparedArray prepared{.array = read_npy(path)};
  prepared.doubt = prepared_input_warning(prepared.array.values);
  if (!prepared.doubt.empty()) prepared.doubt += " An image is better given as a PNG";
  return prepared;
}

JobSteps<FeatureItem> feature_steps(Encoder& encoder, const FeatureArguments& options,
                                    const FeatureOutput& output) {
  // Copies of the step share it, one after the other.
  const auto reader = std::make_shared<InputReader>();
  return {.load =
              [&, reader](const Job& job) {
                return load_input(encoder, options, output.pooling, job, *reader);
              },
          .may_join = [](const FeatureItem& first,
                         const FeatureItem& next) { return first.size == next.size; },
          .compute =
              [&](std::span<FeatureItem> items, const Progress& progress) {
                compute_features(encoder, options, items, progress);
              },
          .write =
              [&](const Job& job, FeatureItem& item, JobResult& result) {
                write_features(encoder, options, output, job, item, result);
              }};
}

}  // namespace sapiens::cli
