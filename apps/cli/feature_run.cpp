#include "feature_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <new>
#include <sapiens/image.hpp>
#include <sapiens/npy.hpp>

#include "text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Preprocessed frames of one input, [count, 3, H, W].
struct Frames {
  std::vector<float> values;
  Index count = 1;
  Grid size;
  bool has_batch_axis = false;  // read as [N, 3, H, W]: the output keeps the N
  std::optional<Image> picture = {};
};

Frames read_array(const fs::path& path) {
  FloatArray array = read_npy(path);
  const std::size_t rank = array.shape.size();
  const bool fits = (rank == 3 || rank == 4) && array.shape[rank - 3] == 3;
  if (!fits || array.values.empty()) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = "this array is not a preprocessed picture",
                                           .file = path.string(),
                                           .expected = "[3, H, W] or [N, 3, H, W]",
                                           .actual = dims_text(array.shape)});
  }
  return {.values = std::move(array.values),
          .count = rank == 4 ? array.shape[0] : 1,
          .size = {array.shape[rank - 2], array.shape[rank - 1]},
          .has_batch_axis = rank == 4};
}

Frames read_picture(const fs::path& path, const RunContext& context, bool keep_picture) {
  Image picture = Image::read(path);
  FloatArray input = context.extractor.preprocess(picture, context.options.preprocess,
                                                  context.options.model.input_size);
  Frames frames{.values = std::move(input.values), .size = {input.shape[1], input.shape[2]}};
  if (keep_picture) frames.picture = std::move(picture);
  return frames;
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

class Runner {
 public:
  Runner(const RunContext& context, std::span<const Job> jobs)
      : context_(context), jobs_(jobs), results_(jobs.size()) {}

  std::vector<JobResult> run() {
    for (std::size_t job = 0; job < jobs_.size(); ++job) add(job);
    flush();
    return std::move(results_);
  }

 private:
  struct Waiting {
    std::size_t job;
    Index first;  // of its frames among frames_
    Index count;
    bool has_batch_axis;
    std::optional<Image> picture;
  };

  void add(std::size_t job) {
    std::optional<Frames> frames = read_or_fail(job);
    if (!frames) return;
    if (frames->size != size_ || frame_count() + frames->count > context_.options.batch) flush();
    wait(job, std::move(*frames));
    if (frame_count() >= context_.options.batch) flush();
  }

  std::optional<Frames> read_or_fail(std::size_t job) {
    const Stopwatch watch;
    try {
      Frames frames = read(jobs_[job]);
      results_[job].seconds = watch.seconds();
      return frames;
    } catch (const Error& error) {
      fail(job, error);
    } catch (const std::bad_alloc&) {
      fail(job, Error(ErrorCode::OutOfResources, {.summary = "too large for the memory there is",
                                                  .file = jobs_[job].input.path.string()}));
    }
    return std::nullopt;
  }

  Frames read(const Job& job) const {
    return is_array(job.input.path) ? read_array(job.input.path)
                                    : read_picture(job.input.path, context_, !job.picture.empty());
  }

  Index frame_count() const {
    return waiting_.empty() ? 0 : waiting_.back().first + waiting_.back().count;
  }

  void wait(std::size_t job, Frames frames) {
    waiting_.push_back(
        {job, frame_count(), frames.count, frames.has_batch_axis, std::move(frames.picture)});
    size_ = frames.size;
    if (frames_.empty()) {
      frames_ = std::move(frames.values);
    } else {
      frames_.insert(frames_.end(), frames.values.begin(), frames.values.end());
    }
  }

  void flush() {
    if (waiting_.empty()) return;
    const Stopwatch watch;
    try {
      const std::vector<LayerFeatures> layers = forward();
      const double share = watch.seconds() / static_cast<double>(waiting_.size());
      for (const Waiting& waiting : waiting_) {
        results_[waiting.job].seconds += share;
        write(waiting, layers);
      }
    } catch (const Error& error) {
      const bool input_is_at_fault =
          error.code() == ErrorCode::ShapeMismatch || error.code() == ErrorCode::InvalidArgument;
      if (!input_is_at_fault) throw;
      for (const Waiting& waiting : waiting_) fail(waiting.job, error);
    }
    waiting_.clear();
    frames_.clear();
  }

  /// All waiting frames, at most --batch at once.
  std::vector<LayerFeatures> forward() {
    const Index total = frame_count();
    const Index frame = 3 * size_.height * size_.width;
    std::vector<LayerFeatures> all;
    for (Index first = 0; first < total; first += context_.options.batch) {
      const Index count = std::min(context_.options.batch, total - first);
      const TensorView<const float, 4> input(frames_.data() + first * frame,
                                             {count, 3, size_.height, size_.width});
      FeatureRequest request = context_.options.request;
      request.progress = [&](double done) {
        const double frames = static_cast<double>(first) + done * static_cast<double>(count);
        const double share = frames / static_cast<double>(total);
        context_.meter.update(static_cast<double>(finished_) +
                              share * static_cast<double>(waiting_.size()));
      };
      append(all, context_.extractor.run(input, request));
    }
    return all;
  }

  static void append(std::vector<LayerFeatures>& all, std::vector<LayerFeatures> more) {
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

  /// What belongs to one job.
  static std::span<const float> part_of(const LayerFeatures& features, const Waiting& waiting) {
    const FloatArray& all = features.values;
    const std::size_t each = all.values.size() / static_cast<std::size_t>(all.shape[0]);
    return std::span(all.values).subspan(waiting.first * each, waiting.count * each);
  }

  void write(const Waiting& waiting, const std::vector<LayerFeatures>& layers) {
    const Stopwatch watch;
    const Job& job = jobs_[waiting.job];
    const DType dtype = context_.options.dtype;
    for (const LayerFeatures& features : layers) {
      if (!fit(part_of(features, waiting), dtype)) return fail(waiting.job, overflow(job, dtype));
    }
    const auto no_interruption = context_.interrupts.hold();
    create_parent(job.arrays.front());
    std::span<const float> values;
    std::vector<Index> shape;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      values = part_of(layers[layer], waiting);
      shape = layers[layer].values.shape;
      shape[0] = waiting.count;
      if (!waiting.has_batch_axis) shape.erase(shape.begin());
      write_npy(job.arrays[layer], shape, values, dtype);
    }
    if (waiting.picture) draw(*waiting.picture, values, job.picture);
    JobResult& result = results_[waiting.job];
    result.shape = std::move(shape);
    result.seconds += watch.seconds();
    finished();
  }

  void draw(const Image& picture, std::span<const float> features, const fs::path& path) const {
    const auto shape = context_.extractor.output_shapes(size_).featmap;
    std::vector<float> map;
    if (context_.options.request.out_type == OutType::Raw) {
      map = map_of_tokens(features, shape[0], shape[1] * shape[2]);
      features = map;
    }
    draw_features(picture, {features.data(), {shape[0], shape[1], shape[2]}}).write_png(path);
  }

  static void create_parent(const fs::path& file) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) {
      throw Error(ErrorCode::WriteFailed, {.summary = "cannot create an output folder",
                                           .file = file.parent_path().string(),
                                           .actual = error.message()});
    }
  }

  void fail(std::size_t job, const Error& error) {
    context_.meter.message(
        fmt::format("failed: {}\n  {}", jobs_[job].input.path.string(), error.what()));
    results_[job].error = error;
    finished();
  }

  void finished() { context_.meter.update(static_cast<double>(++finished_)); }

  const RunContext& context_;
  std::span<const Job> jobs_;
  std::vector<JobResult> results_;
  std::vector<Waiting> waiting_;
  std::vector<float> frames_;  // of all waiting jobs
  Grid size_;                  // of frames_
  Index finished_ = 0;
};

}  // namespace

std::vector<JobResult> run_jobs(const RunContext& context, std::span<const Job> jobs) {
  return Runner(context, jobs).run();
}

}  // namespace sapiens::cli
