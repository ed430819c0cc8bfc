#include "cli/run/feature_videos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/input/json_file.hpp"
#include "cli/run/video_source.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// What the frames of one video become.
class FeatureVideo {
 public:
  FeatureVideo(const FeatureArguments& options, const FeatureOutput& output,
               const NpyFeatureFiles& files, const Job& job)
      : options_(options), output_(output), files_(files), job_(job) {}

  /// A job for each frame that was asked for, with the pixels of the frame.
  JobSource jobs(VideoSource& source) {
    return [this, &source]() -> std::shared_ptr<const Job> {
      std::optional<VideoFrame> frame = source.next([] { return false; });
      if (!frame) return nullptr;
      times_.push_back(frame->place.seconds);
      const std::string number = fmt::format("{:06}", frame->place.number);
      Job job{.input = {.path = job_.input.path,
                        .name = job_.name / number,
                        .member = number,
                        .frame = std::make_shared<const Image>(std::move(frame->image))},
              .name = job_.name / number};
      if (draws_features(options_)) job.images = {files_.image_of(job.name)};
      return std::make_shared<const Job>(std::move(job));
    };
  }

  void take(const JobResult& result) {
    failed_ += result.error.has_value();
    if (shape_.empty()) shape_ = result.shape;
  }

  JobResult finish(const VideoSource& source) const {
    const Index frames = std::ssize(times_);
    if (frames == 0) throw_no_frame(source);
    JobResult result{.shape = shape_};
    result.shape.insert(result.shape.begin(), frames);
    result.details = {{"frames", frames},
                      {"rate", source.rate()},
                      {"rate_is_assumed", source.video().rate_is_assumed()},
                      {"frames_without_time", source.video().frames_without_time()}};
    if (failed_ > 0) {
      result.error = Error(ErrorCode::InvalidArgument,
                           {.summary = fmt::format("{} of {} frames failed", failed_, frames),
                            .file = job_.input.text()});
    } else {
      const fs::path& document = job_.files.front().path;
      create_parent(document);
      write_json(document, source.document(job_.input, times_),
                 "what the frames are cannot be written");
    }
    return result;
  }

 private:
  [[noreturn]] void throw_no_frame(const VideoSource& source) const {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "no frame of this video was asked for",
                 .file = job_.input.text(),
                 .actual = fmt::format("{} frames in it", source.video().frames_read()),
                 .hint = "look at --start and --end, in seconds"});
  }

  const FeatureArguments& options_;
  const FeatureOutput& output_;
  const NpyFeatureFiles& files_;
  const Job& job_;
  std::vector<double> times_;  // of the frames; grows on the thread that reads
  std::vector<Index> shape_;
  Index failed_ = 0;
};

void expect_no_boxes(const FeatureArguments& options, const Job& job) {
  if (options.pool.kind != PoolKind::Boxes) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the boxes of --boxes are about images, not about frames",
               .file = job.input.text(),
               .hint = "`sapiens pose` finds the persons of a video"});
}

JobResult run_feature_video(const JobSteps<FeatureItem>& steps, const FeatureArguments& options,
                            const RunContext& run, FeatureVideo& video, const Job& job) {
  try {
    if (job.error) throw *job.error;
    const Stopwatch watch;
    expect_no_boxes(options, job);
    VideoSource source(job.input, options.video);
    Meter meter(job.input.path.filename().string(), source.expected(), stderr_is_terminal());
    const RunContext context{run.interrupts, meter};
    remove_frames(job);
    run_source(steps, video.jobs(source), options.batch, context,
               [&](const Job&, std::size_t, const JobResult& result) { video.take(result); });
    JobResult result = video.finish(source);
    for (const std::string& doubt : source.doubts()) context.warn(job, doubt);
    if (result.error) context.report_failure(job, *result.error);
    result.seconds = watch.seconds();
    return result;
  } catch (const Error& error) {
    const ErrorCode code = error.code();
    if (code == ErrorCode::OutOfResources || code == ErrorCode::WriteFailed) throw;
    run.report_failure(job, error);
    return {.error = error};
  }
}

}  // namespace

fs::path feature_video_document(const FeatureArguments& options, const fs::path& name) {
  fs::path document = fs::path(options.output) / name;
  return document += ".json";
}

std::vector<FrameFiles> feature_frames(const std::vector<JobFile>& files, const fs::path& drawing,
                                       bool drawn) {
  const auto as_frames = [](const fs::path& first, bool expected) {
    return FrameFiles{first.parent_path(), first.filename().string().substr(1), expected};
  };
  std::vector<FrameFiles> frames = {as_frames(drawing, drawn)};
  for (const JobFile& file : files) frames.push_back(as_frames(file.path, true));
  return frames;
}

std::vector<JobResult> run_features(Encoder& encoder, const FeatureArguments& options,
                                    const FeatureOutput& output, const NpyFeatureFiles& files,
                                    Interrupts& interrupts, std::span<const Job> jobs) {
  const JobSteps<FeatureItem> steps = feature_steps(encoder, options, output);
  std::vector<Job> images;
  std::ranges::copy_if(jobs, std::back_inserter(images),
                       [](const Job& job) { return !job.input.video; });
  Meter meter("features", std::ssize(images), stderr_is_terminal());
  const RunContext context{interrupts, meter};
  std::vector<JobResult> of_images = run_jobs(steps, images, options.batch, context);
  std::vector<JobResult> results;
  auto next = of_images.begin();
  for (const Job& job : jobs) {
    if (!job.input.video) {
      results.push_back(std::move(*next++));
      continue;
    }
    FeatureVideo video(options, output, files, job);
    results.push_back(run_feature_video(steps, options, context, video, job));
  }
  return results;
}

}  // namespace sapiens::cli
