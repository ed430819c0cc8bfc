#include "cli/run/features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <utility>

#include "cli/run/jobs.hpp"

namespace sapiens::cli {
namespace {

FeatureItem read_array(const Job& job) {
  FeatureItem item;
  auto [array, doubt] = read_prepared(job.input.path);
  const std::size_t rank = array.shape.size();
  item.has_batch_axis = rank == 4;
  item.count = item.has_batch_axis ? array.shape[0] : 1;
  item.size = {array.shape[rank - 2], array.shape[rank - 1]};
  item.pixels = std::move(array);
  item.warning = std::move(doubt);
  return item;
}

FeatureItem read_image(const Encoder& encoder, const FeaturesOptions& options, const Job& job) {
  FeatureItem item;
  item.image = Image::read(job.input.path);
  item.pixels = encoder.preprocess(item.image, options.preprocess, options.model.input_size);
  item.size = {item.pixels.shape[1], item.pixels.shape[2]};
  if (job.images.empty()) item.image = {};  // nothing will be drawn on it
  return item;
}

FeatureItem load_input(const Encoder& encoder, const FeaturesOptions& options, const Job& job) {
  const Stopwatch watch;
  FeatureItem item = is_array(job.input.path) ? read_array(job) : read_image(encoder, options, job);
  item.seconds.decode = watch.seconds();
  return item;
}

/// The images of `items`, one after the other, as [count, 3, H, W].
FloatArray joined(const std::vector<FeatureItem*>& items, Index count) {
  const auto [height, width] = items.front()->size;
  FloatArray all{.shape = {count, 3, height, width}};
  if (items.size() == 1) {
    all.values = std::move(items.front()->pixels.values);
    return all;
  }
  all.values.reserve(static_cast<std::size_t>(count * 3 * height * width));
  for (FeatureItem* item : items) {
    const std::vector<float> part = std::move(item->pixels.values);
    all.values.insert(all.values.end(), part.begin(), part.end());
  }
  return all;
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

/// All images, at most --batch at once.
std::vector<LayerFeatures> forward(Encoder& encoder, const FeaturesOptions& options,
                                   const FloatArray& images, const Progress& progress) {
  const Index count = images.shape[0], each = 3 * images.shape[2] * images.shape[3];
  std::vector<LayerFeatures> all;
  for (Index first = 0; first < count; first += options.batch) {
    const Index some = std::min(options.batch, count - first);
    FeatureRequest request = options.request;
    request.progress = part_of(progress, static_cast<double>(first) / static_cast<double>(count),
                               static_cast<double>(some) / static_cast<double>(count));
    append(all, encoder.run({images.values.data() + first * each,
                             {some, 3, images.shape[2], images.shape[3]}},
                            request));
  }
  return all;
}

void compute_features(Encoder& encoder, const FeaturesOptions& options,
                      std::span<FeatureItem> batch, const Progress& progress) {
  const std::vector<FeatureItem*> items = without_error(batch);
  if (items.empty()) return;
  const Stopwatch watch;
  Index count = 0;
  for (FeatureItem* item : items) item->first = std::exchange(count, count + item->count);
  guarded(items, [&] {
    const auto layers = std::make_shared<const std::vector<LayerFeatures>>(
        forward(encoder, options, joined(items, count), progress));
    for (FeatureItem* item : items) item->layers = layers;
  });
  const double each = watch.seconds() / static_cast<double>(count);
  for (FeatureItem* item : items) item->seconds.encoder = each * static_cast<double>(item->count);
}

/// False for NaN, for infinity and for what would become infinity as `dtype`.
bool fit(std::span<const float> values, DType dtype) {
  // From 65520 on, numbers are rounded up to the infinity of f16.
  const float limit = dtype == DType::F16 ? 65520.0f : std::numeric_limits<float>::infinity();
  return std::all_of(values.begin(), values.end(),
                     [limit](float value) { return std::abs(value) < limit; });
}

Error overflow(const Job& job, DType dtype) {
  const bool half = dtype == DType::F16;
  return Error(ErrorCode::InvalidArgument,
               {.summary = "the features hold numbers that cannot be written",
                .file = job.input.path.string(),
                .key = half ? "--dtype" : "",
                .expected = half ? "numbers below 65520, as f16 can hold them" : "finite numbers",
                .hint = half ? "leave out --dtype f16" : "look for NaN or infinity in this input"});
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

/// The rows of [cls +] patches x C, as a map [C, gh, gw].
std::vector<float> map_of_tokens(std::span<const float> tokens, Index channels, Index patches) {
  const std::size_t cls_rows =
      tokens.size() / static_cast<std::size_t>(channels) - static_cast<std::size_t>(patches);
  std::vector<float> map(static_cast<std::size_t>(channels * patches));
  for (Index patch = 0; patch < patches; ++patch) {
    const float* token = tokens.data() + (cls_rows + patch) * channels;
    for (Index channel = 0; channel < channels; ++channel) {
      map[static_cast<std::size_t>(channel * patches + patch)] = token[channel];
    }
  }
  return map;
}

Image draw_item(const Encoder& encoder, OutType type, const FeatureItem& item) {
  const auto shape = encoder.output_shapes(item.size).featmap;
  std::span<const float> features = values_of(item.layers->back(), item);
  std::vector<float> map;
  if (type == OutType::Raw) {
    map = map_of_tokens(features, shape[0], shape[1] * shape[2]);
    features = map;
  }
  return draw_features(item.image, {features.data(), {shape[0], shape[1], shape[2]}});
}

void write_features(const Encoder& encoder, const FeaturesOptions& options, const Job& job,
                    FeatureItem& item, JobResult& result) {
  for (const LayerFeatures& features : *item.layers) {
    if (!fit(values_of(features, item), options.dtype)) throw overflow(job, options.dtype);
  }
  create_parent(job.files.front().path);
  for (std::size_t layer = 0; layer < item.layers->size(); ++layer) {
    const LayerFeatures& features = (*item.layers)[layer];
    result.shape = shape_of(features, item);
    write_npy(job.files[layer].path, result.shape, values_of(features, item), options.dtype);
  }
  if (!job.images.empty()) {
    draw_item(encoder, options.request.out_type, item).write_png(job.images.front());
  }
  item.image = {};
  item.layers.reset();
}

}  // namespace

JobSteps<FeatureItem> feature_steps(Encoder& encoder, const FeaturesOptions& options) {
  return {.load = [&](const Job& job) { return load_input(encoder, options, job); },
          .may_join = [](const FeatureItem& first,
                         const FeatureItem& next) { return first.size == next.size; },
          .compute =
              [&](std::span<FeatureItem> items, const Progress& progress) {
                compute_features(encoder, options, items, progress);
              },
          .write = [&](const Job& job, FeatureItem& item,
                       JobResult& result) { write_features(encoder, options, job, item, result); }};
}

}  // namespace sapiens::cli
