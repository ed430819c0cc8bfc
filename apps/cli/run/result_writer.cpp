#include "cli/run/result_writer.hpp"

#include <fmt/format.h>

#include <sapiens/draw.hpp>
#include <sapiens/image.hpp>
#include <sapiens/npy.hpp>
#include <utility>

#include "cli/run/outputs.hpp"
#include "cli/run/stopwatch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

Error overflow(const Job& job, DType dtype) {
  const bool half = dtype == DType::F16;
  return Error(ErrorCode::InvalidArgument,
               {.summary = "the features hold numbers that cannot be written",
                .file = job.input.path.string(),
                .key = half ? "--dtype" : "",
                .expected = half ? "numbers below 65520, as f16 can hold them" : "finite numbers",
                .hint = half ? "leave out --dtype f16" : "look for NaN or infinity in this input"});
}

/// What belongs to one job.
std::span<const float> part_of(const LayerFeatures& features, const BatchItem& item) {
  const FloatArray& all = features.values;
  const std::size_t each = all.values.size() / static_cast<std::size_t>(all.shape[0]);
  return std::span(all.values).subspan(item.first * each, item.count * each);
}

std::vector<Index> shape_of(const LayerFeatures& features, const BatchItem& item) {
  std::vector<Index> shape = features.values.shape;
  shape[0] = item.count;
  if (!item.has_batch_axis) shape.erase(shape.begin());
  return shape;
}

}  // namespace

void ResultWriter::write(ComputedBatch computed) {
  for (BatchItem& item : computed.batch.items) {
    if (!item.result.error) item.result.error = computed.error;
    if (!item.result.error) write_item(item, computed);
    if (item.result.error) {
      context_.meter.message(failure_text(jobs_[item.job].input.path.string(), *item.result.error));
    }
    if (!item.doubt.empty()) {
      context_.meter.message(
          fmt::format("warning: {}: {}", jobs_[item.job].input.path.string(), item.doubt));
      item.result.details["warning"] = item.doubt;
    }
    results_[item.job] = std::move(item.result);
  }
}

void ResultWriter::write_item(BatchItem& item, const ComputedBatch& computed) const {
  const Stopwatch watch;
  try {
    write_files(item, computed);
  } catch (const Error& error) {
    if (!is_about_the_input(error)) throw;
    item.result.error = error;
  }
  item.image.reset();
  item.result.seconds += watch.seconds();
}

void ResultWriter::write_files(BatchItem& item, const ComputedBatch& computed) const {
  const Job& job = jobs_[item.job];
  const DType dtype = context_.options.dtype;
  for (const LayerFeatures& features : computed.layers) {
    if (!is_storable(part_of(features, item), dtype)) throw overflow(job, dtype);
  }
  const auto no_interruption = context_.interrupts.hold();
  create_parent(job.files.front().path);
  for (std::size_t layer = 0; layer < computed.layers.size(); ++layer) {
    const LayerFeatures& features = computed.layers[layer];
    item.result.shape = shape_of(features, item);
    write_npy(job.files[layer].path, item.result.shape, part_of(features, item), dtype);
  }
  if (item.image) {
    draw(*item.image, computed.batch.size, part_of(computed.layers.back(), item),
         job.images.front());
  }
}

void ResultWriter::draw(const Image& image, Grid size, std::span<const float> features,
                        const fs::path& path) const {
  const auto shape = context_.encoder.output_shapes(size).featmap;
  FloatArray map;
  if (context_.options.features.out_type == OutType::Raw) {
    const Index tokens = std::ssize(features) / shape[0];
    map = featmap_of_tokens({features.data(), {tokens, shape[0]}}, {shape[1], shape[2]});
    features = map.values;
  }
  draw_features(image, {features.data(), {shape[0], shape[1], shape[2]}}).write_png(path);
}

}  // namespace sapiens::cli
