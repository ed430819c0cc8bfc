#pragma once

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <sapiens/checkpoint.hpp>
#include <sapiens/image.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/run/jobs.hpp"
#include "cli/run/meter.hpp"
#include "cli/run/pipeline.hpp"
#include "cli/terminal/interrupts.hpp"
#include "core/stopwatch.hpp"

// One runner for features, tasks, videos, reconstructions and evaluations. A source hands over
// items, a step computes batches of them, a sink takes the results, each on a thread of its own
// (pipeline.hpp). What is about one input alone becomes its error here, and nowhere else.
namespace sapiens::cli {

/// Seconds that one input took, by stage.
struct StageSeconds {
  double decode = 0, detect = 0, preprocess = 0, encoder = 0, head = 0, post = 0, write = 0;

  double sum() const { return decode + detect + preprocess + encoder + head + post + write; }
  StageSeconds& operator+=(const StageSeconds& more);
  /// Adds an equal share of what the networks took for `count` items.
  void add_share(const StageTimes& stages, std::size_t count);
};

/// What every run knows of one input on its way from source to sink.
struct RunItem {
  std::shared_ptr<const Job> job = {};
  std::size_t number = 0;  ///< Of the job in the run.
  Image image = {};        ///< Empty for arrays.
  Index count = 1;         ///< Images in it; 0 after an error.
  StageSeconds seconds = {};
  std::string warning = {};         ///< Said when the item is done; mostly empty.
  std::optional<Error> error = {};  ///< Why nothing more is done with it.
};

/// What can stop a run, and callbacks that report it.
struct RunContext {
  Interrupts& interrupts;
  Meter& meter;

  /// Messages about one input, above the meter.
  void warn(const Job& job, const std::string& what) const;
  void report_failure(const Job& job, const Error& error) const;
};

/// True for an error that only one input has; others may go on.
bool is_about_the_input(const Error& error);

/// The items that are to be worked on.
template <typename Item>
std::vector<Item*> without_error(std::span<Item> items) {
  std::vector<Item*> good;
  for (Item& item : items) {
    if (!item.error) good.push_back(&item);
  }
  return good;
}

/// Calls `action`; what is wrong with the input becomes the error of all `items`.
template <typename Item, typename Action>
void guarded(const std::vector<Item*>& items, Action action) {
  try {
    action();
  } catch (const Error& error) {
    if (!is_about_the_input(error)) throw;
    for (Item* item : items) item->error = error;
  }
}

/// The jobs of a run, one after the other; null after the last. Called on the thread of the source.
using JobSource = std::function<std::shared_ptr<const Job>()>;

/// Jobs that are known beforehand, and outlive the source.
JobSource source_of(std::span<const Job> jobs);

/// What is done with the input of one job. `Item` is a RunItem and what belongs to the results.
template <typename Item>
struct JobSteps {
  /// Reads and preprocesses; on the thread of the source.
  std::function<Item(const Job& job)> load;
  /// True where both may be in one batch; empty: always. Neither has an error.
  std::function<bool(const Item& first, const Item& next)> may_join = {};
  /// Adds the results to the items without an error; passes on what `progress` throws.
  std::function<void(std::span<Item> items, const Progress& progress)> compute;
  /// Writes the files, on the thread of the sink, and fills in shape and details of the result.
  std::function<void(const Job& job, Item& item, JobResult& result)> write;
  /// Converts the seconds of an item to JSON for --json; empty: they are not listed.
  std::function<Json(const StageSeconds& seconds)> stages = {};
};

/// The source of a run over jobs: reads their inputs, batch by batch. An input that cannot be read
/// becomes an item with an error.
template <typename Item>
class BatchReader {
 public:
  /// `steps` must outlive the reader.
  BatchReader(const JobSteps<Item>& steps, JobSource jobs, Index batch)
      : steps_(steps), jobs_(std::move(jobs)), batch_(batch) {}

  /// The next inputs, `batch` of them, fewer before one that may not join them, more only if one
  /// array holds more; nothing after the last. Stops between two inputs when `is_cancelled`.
  std::optional<std::vector<Item>> next(const std::function<bool()>& is_cancelled) {
    std::vector<Item> items;
    Index images = 0;
    while (std::max<Index>(images, std::ssize(items)) < batch_ && !is_cancelled()) {
      if (!waiting_) waiting_ = load();
      if (!waiting_) break;
      if (!fits(*waiting_, items, images)) break;
      images += waiting_->count;
      items.push_back(std::move(*waiting_));
      waiting_.reset();
    }
    if (items.empty()) return std::nullopt;
    return items;
  }

 private:
  bool fits(const Item& item, const std::vector<Item>& items, Index images) const {
    if (images == 0 || item.error) return true;
    if (images + item.count > batch_) return false;
    const auto first = std::ranges::find_if(items, [](const Item& i) { return !i.error; });
    return !steps_.may_join || steps_.may_join(*first, item);
  }

  std::optional<Item> load() {
    const std::shared_ptr<const Job> job = jobs_();
    if (!job) return std::nullopt;
    Item item;
    try {
      if (job->error) throw *job->error;
      item = steps_.load(*job);
    } catch (const Error& error) {
      item.error = error;
    } catch (const std::bad_alloc&) {
      item.error.emplace(
          ErrorCode::OutOfResources,
          ErrorDetail{.summary = "too large for the memory there is", .file = job->input.text()});
    }
    if (item.error) item.count = 0;
    item.job = job;
    item.number = next_++;
    return item;
  }

  const JobSteps<Item>& steps_;
  const JobSource jobs_;
  const Index batch_;
  std::size_t next_ = 0;
  std::optional<Item> waiting_;  // did not fit into the last batch
};

/// The sink of a run over jobs: what became of `item`, after its files were written. What is wrong
/// with one input becomes its result; throws when the disk is full or cannot be written.
template <typename Item>
JobResult write_item(const JobSteps<Item>& steps, Item& item, const RunContext& context) {
  const Job& job = *item.job;
  JobResult result{.error = item.error};
  const Stopwatch watch;
  const auto no_interruption = context.interrupts.hold();
  try {
    if (!result.error) steps.write(job, item, result);
  } catch (const Error& error) {
    if (!is_about_the_input(error)) throw;
    result.error = error;
  }
  item.seconds.write = watch.seconds();
  result.seconds = item.seconds.sum();
  if (steps.stages) result.details["stages"] = steps.stages(item.seconds);
  if (result.error) context.report_failure(job, *result.error);
  if (!item.warning.empty()) {
    context.warn(job, item.warning);
    result.details["warning"] = item.warning;
  }
  return result;
}

/// Takes what became of each job, in their order, on the thread that writes.
using ResultSink = std::function<void(const Job& job, std::size_t number, JobResult result)>;

/// Works through the jobs of a source, reading ahead and writing behind while the networks compute.
/// A job that fails is reported to the meter and the others go on; when memory or disk run out the
/// error is thrown.
template <typename Item>
void run_source(const JobSteps<Item>& steps, JobSource jobs, Index batch, const RunContext& context,
                const ResultSink& done) {
  using Items = std::vector<Item>;
  BatchReader<Item> source(steps, std::move(jobs), batch);
  Pipeline<Items>({.read = [&](const auto& is_cancelled) { return source.next(is_cancelled); },
                   .compute =
                       [&](Items& items, const auto& keep_going) {
                         const auto first = static_cast<double>(items.front().number);
                         const auto count = static_cast<double>(items.size());
                         steps.compute(items, [&](double share) {
                           keep_going();
                           context.meter.update(first + share * count);
                         });
                       },
                   .write =
                       [&](Items items) {
                         for (Item& item : items) {
                           done(*item.job, item.number, write_item(steps, item, context));
                         }
                       }})
      .run();
}

/// The same for jobs that are known beforehand: one result per job.
template <typename Item>
std::vector<JobResult> run_jobs(const JobSteps<Item>& steps, std::span<const Job> jobs, Index batch,
                                const RunContext& context) {
  std::vector<JobResult> results(jobs.size());
  run_source(steps, source_of(jobs), batch, context,
             [&](const Job&, std::size_t number, JobResult result) {
               results[number] = std::move(result);
             });
  return results;
}

}  // namespace sapiens::cli
