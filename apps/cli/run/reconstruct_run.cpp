#include "cli/run/reconstruct_run.hpp"

#include <fmt/format.h>

#include <functional>
#include <new>
#include <optional>
#include <sapiens/draw.hpp>
#include <utility>

#include "cli/run/outputs.hpp"
#include "cli/run/pipeline.hpp"
#include "cli/run/stopwatch.hpp"

namespace sapiens::cli {
namespace {

/// One image on its way through the run.
struct Item {
  std::size_t job = 0;
  Image image = {};
  Reconstruction found = {};
  double decode = 0;
  std::optional<Error> error = {};
};

Json stages_json(const Item& item, double write) {
  return {{"decode", item.decode},
          {"preprocess", item.found.stats.stages.preprocess},
          {"encoder", item.found.stats.stages.encoder},
          {"decoder", item.found.stats.stages.head},
          {"post", item.found.stats.stages.post},
          {"write", write}};
}

class ReconstructRun {
 public:
  ReconstructRun(const ReconstructContext& context, std::span<const Job> jobs)
      : context_(context), jobs_(jobs), results_(jobs.size()) {}

  std::vector<JobResult> run() {
    Pipeline<Item, Item>(
        {.read = [this](const auto& is_cancelled) { return read_next(is_cancelled); },
         .compute = [this](Item item,
                           const auto& keep_going) { return compute(std::move(item), keep_going); },
         .write = [this](Item item) { write(item); }})
        .run();
    return std::move(results_);
  }

 private:
  std::optional<Item> read_next(const std::function<bool()>& is_cancelled) {
    if (next_job_ == jobs_.size() || is_cancelled()) return std::nullopt;
    Item item{.job = next_job_++};
    const Stopwatch watch;
    try {
      item.image = Image::read(jobs_[item.job].input.path);
    } catch (const Error& error) {
      item.error = error;
    } catch (const std::bad_alloc&) {
      item.error = Error(ErrorCode::OutOfResources, {.summary = "too large for the memory there is",
                                                     .file = jobs_[item.job].input.path.string()});
    }
    item.decode = watch.seconds();
    return item;
  }

  Item compute(Item item, const std::function<void()>& keep_going) const {
    if (item.error) return item;
    const auto first = static_cast<double>(item.job);
    try {
      item.found = context_.reconstructor.run(
          item.image,
          {.mask_ratio = context_.mask_ratio, .seed = context_.seed, .progress = [&](double done) {
             keep_going();
             context_.meter.update(first + done);
           }});
    } catch (const Error& error) {
      if (!is_about_the_input(error)) throw;
      item.error = error;
    }
    item.image = {};
    return item;
  }

  void write(const Item& item) {
    const Job& job = jobs_[item.job];
    JobResult& result = results_[item.job];
    result.error = item.error;
    if (item.error) {
      context_.meter.message(failure_text(job.input.path.string(), *item.error));
      return;
    }
    const Stopwatch watch;
    const auto no_interruption = context_.interrupts.hold();
    const Image drawing = draw_reconstruction(item.found);
    create_parent(job.files.front().path);
    drawing.write_png(job.files.front().path);
    const double seconds = watch.seconds();
    const StageTimes& stages = item.found.stats.stages;
    result.shape = {drawing.height, drawing.width, 3};
    result.seconds =
        item.decode + stages.preprocess + stages.encoder + stages.head + stages.post + seconds;
    result.details = {{"masked_error", item.found.masked_error},
                      {"mean_error", item.found.mean_error},
                      {"stages", stages_json(item, seconds)}};
  }

  const ReconstructContext& context_;
  std::span<const Job> jobs_;
  std::size_t next_job_ = 0;        // of the reader thread
  std::vector<JobResult> results_;  // of the writer thread
};

}  // namespace

std::vector<JobResult> run_reconstructions(const ReconstructContext& context,
                                           std::span<const Job> jobs) {
  return ReconstructRun(context, jobs).run();
}

}  // namespace sapiens::cli
