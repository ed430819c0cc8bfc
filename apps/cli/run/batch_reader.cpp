#include "cli/run/batch_reader.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "cli/input/prepared_array.hpp"
#include "cli/run/stopwatch.hpp"

namespace sapiens::cli {
std::optional<Batch> BatchReader::next(const std::function<bool()>& is_cancelled) {
  Batch batch;
  while (has_next() && !is_full(batch) && !is_cancelled()) {
    if (!waiting_) waiting_ = load(next_job_++);
    if (!fits(*waiting_, batch)) break;
    add(std::move(*waiting_), batch);
    waiting_.reset();
  }
  if (batch.items.empty()) return std::nullopt;
  return batch;
}

bool BatchReader::is_full(const Batch& batch) const {
  return std::max(batch.count, static_cast<Index>(batch.items.size())) >= options_.batch;
}

bool BatchReader::fits(const Input& input, const Batch& batch) const {
  if (batch.count == 0 || input.item.count == 0) return true;
  return input.size == batch.size && batch.count + input.item.count <= options_.batch;
}

void BatchReader::add(Input input, Batch& batch) const {
  input.item.first = batch.count;
  batch.count += input.item.count;
  if (batch.frames.empty()) {
    batch.size = input.size;
    batch.frames = std::move(input.frames);
    // At once: growing step by step would hold the frames twice.
    const std::size_t left = jobs_.size() - input.item.job;
    const auto most = std::min(static_cast<std::size_t>(options_.batch), left);
    if (batch.count == 1) batch.frames.reserve(most * batch.frames.size());
  } else {
    batch.frames.insert(batch.frames.end(), input.frames.begin(), input.frames.end());
  }
  batch.items.push_back(std::move(input.item));
}

BatchReader::Input BatchReader::load(std::size_t job) const {
  const Stopwatch watch;
  Input input;
  try {
    input = read(jobs_[job]);
  } catch (const Error& error) {
    input.item.result.error = error;
  } catch (const std::bad_alloc&) {
    input.item.result.error = Error(
        ErrorCode::OutOfResources,
        {.summary = "too large for the memory there is", .file = jobs_[job].input.path.string()});
  }
  input.item.job = job;
  input.item.result.seconds = watch.seconds();
  return input;
}

BatchReader::Input BatchReader::read(const Job& job) const {
  if (!is_array(job.input.path)) return read_image(job);
  auto [array, doubt] = read_prepared(job.input.path);
  const std::size_t rank = array.shape.size();
  return {.item = {.count = rank == 4 ? array.shape[0] : 1,
                   .has_batch_axis = rank == 4,
                   .doubt = std::move(doubt)},
          .size = {array.shape[rank - 2], array.shape[rank - 1]},
          .frames = std::move(array.values)};
}

BatchReader::Input BatchReader::read_image(const Job& job) const {
  Image image = Image::read(job.input.path);
  FloatArray frame = encoder_.preprocess(image, options_.preprocess, options_.model.input_size);
  Input input{.item = {.count = 1},
              .size = {frame.shape[1], frame.shape[2]},
              .frames = std::move(frame.values)};
  if (!job.images.empty()) input.item.image = std::move(image);
  return input;
}

}  // namespace sapiens::cli
