#include "cli/run/feature_run.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "cli/run/batch_reader.hpp"
#include "cli/run/pipeline.hpp"
#include "cli/run/result_writer.hpp"
#include "cli/run/stopwatch.hpp"

namespace sapiens::cli {
namespace {

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

class FeatureRun {
 public:
  FeatureRun(const RunContext& context, std::span<const Job> jobs)
      : context_(context),
        reader_(context.encoder, context.options, jobs),
        writer_(context, jobs) {}

  std::vector<JobResult> run() {
    Pipeline<Batch, ComputedBatch>(
        {.read =
             [this](const std::function<bool()>& is_cancelled) {
               return reader_.next(is_cancelled);
             },
         .compute =
             [this](Batch batch, const std::function<void()>& keep_going) {
               return compute(std::move(batch), keep_going);
             },
         .write = [this](ComputedBatch computed) { writer_.write(std::move(computed)); }})
        .run();
    return writer_.take_results();
  }

 private:
  ComputedBatch compute(Batch batch, const std::function<void()>& keep_going) const {
    const Stopwatch watch;
    ComputedBatch computed;
    try {
      computed.layers = forward(batch, keep_going);
    } catch (const Error& error) {
      if (!is_about_the_input(error)) throw;
      computed.error = error;
    }
    const double each = watch.seconds() / static_cast<double>(std::max<Index>(batch.count, 1));
    for (BatchItem& item : batch.items) {
      item.result.seconds += each * static_cast<double>(item.count);
    }
    batch.frames = {};
    computed.batch = std::move(batch);
    return computed;
  }

  /// All frames, at most --batch at once.
  std::vector<LayerFeatures> forward(const Batch& batch,
                                     const std::function<void()>& keep_going) const {
    const auto [height, width] = batch.size;
    std::vector<LayerFeatures> all;
    for (Index first = 0; first < batch.count; first += context_.options.batch) {
      const Index count = std::min(context_.options.batch, batch.count - first);
      FeatureOptions options = context_.options.features;
      options.progress = [&](double done) {
        keep_going();
        const double frames = static_cast<double>(first) + done * static_cast<double>(count);
        show_progress(batch, frames / static_cast<double>(batch.count));
      };
      append(all,
             context_.encoder
                 .run(TensorView<const float, 4>(batch.frames.data() + first * 3 * height * width,
                                                 {count, 3, height, width}),
                      options)
                 .layers);
    }
    return all;
  }

  void show_progress(const Batch& batch, double share) const {
    context_.meter.update(static_cast<double>(batch.items.front().job) +
                          share * static_cast<double>(batch.items.size()));
  }

  const RunContext& context_;
  BatchReader reader_;   // of the reader thread
  ResultWriter writer_;  // of the writer thread
};

}  // namespace

std::vector<JobResult> run_jobs(const RunContext& context, std::span<const Job> jobs) {
  return FeatureRun(context, jobs).run();
}

}  // namespace sapiens::cli
