#include "feature_run.hpp"

#include <algorithm>
#include <exception>
#include <future>
#include <system_error>
#include <utility>

#include "batch_reader.hpp"
#include "bounded_queue.hpp"
#include "result_writer.hpp"
#include "stopwatch.hpp"

namespace sapiens::cli {
namespace {

/// The future waits for the thread, and hands over what it threw.
template <typename Body>
std::future<void> start_thread(Body body) {
  try {
    return std::async(std::launch::async, std::move(body));
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "a thread did not start", .actual = error.what()});
  }
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

/// Thrown out of a forward pass whose results nobody will write.
struct Abandoned {};

/// reader thread -> loaded -> this thread -> computed -> writer thread
class FeatureRun {
 public:
  FeatureRun(const RunContext& context, std::span<const Job> jobs)
      : context_(context),
        reader_(context.extractor, context.options, jobs),
        writer_(context, jobs) {}

  std::vector<JobResult> run() {
    std::future<void> reading = start_thread([this] { read_all(); });
    const Closing end_of_reading(loaded_);  // before `reading` waits for its thread
    std::future<void> writing = start_thread([this] { write_all(); });
    const std::exception_ptr failure = compute_all();
    // The later the stage, the earlier the input: so the same error is thrown as if one thread had
    // done everything.
    writing.get();
    if (failure) std::rethrow_exception(failure);
    reading.get();
    return writer_.take_results();
  }

 private:
  // Room comes first: what waits in the queue and what is being computed are then all there is.
  void read_all() {
    const Closing done(loaded_);
    while (loaded_.wait_for_room()) {
      std::optional<Batch> batch = reader_.next([this] { return loaded_.closed(); });
      if (!batch) return;
      loaded_.push(std::move(*batch));
    }
  }

  std::exception_ptr compute_all() noexcept {
    const Closing no_more_reading(loaded_);
    const Closing done(computed_);
    try {
      while (std::optional<Batch> batch = loaded_.pop()) {
        if (!computed_.push(compute(std::move(*batch)))) break;
      }
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  void write_all() {
    const Closing done(computed_);
    while (std::optional<ComputedBatch> computed = computed_.pop()) {
      writer_.write(std::move(*computed));
    }
  }

  ComputedBatch compute(Batch batch) const {
    const Stopwatch watch;
    ComputedBatch computed;
    try {
      computed.layers = forward(batch);
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
  std::vector<LayerFeatures> forward(const Batch& batch) const {
    const auto [height, width] = batch.size;
    std::vector<LayerFeatures> all;
    for (Index first = 0; first < batch.count; first += context_.options.batch) {
      const Index count = std::min(context_.options.batch, batch.count - first);
      FeatureRequest request = context_.options.request;
      request.progress = [&](double done) {
        if (computed_.closed()) throw Abandoned{};
        const double frames = static_cast<double>(first) + done * static_cast<double>(count);
        show_progress(batch, frames / static_cast<double>(batch.count));
      };
      append(all, context_.extractor.run(
                      {batch.frames.data() + first * 3 * height * width, {count, 3, height, width}},
                      request));
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
  BoundedQueue<Batch> loaded_{1};
  BoundedQueue<ComputedBatch> computed_{1};
};

}  // namespace

std::vector<JobResult> run_jobs(const RunContext& context, std::span<const Job> jobs) {
  return FeatureRun(context, jobs).run();
}

}  // namespace sapiens::cli
