#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <sapiens/tracker.hpp>
#include <sapiens/video.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/input/json_file.hpp"
#include "cli/run/frames.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/video_source.hpp"

namespace sapiens::cli {
namespace {

/// Computes frames in order. Where a detector finds persons they get ids that last.
class VideoComputer {
 public:
  explicit VideoComputer(const TaskContext& context) : context_(context) {}

  void compute(std::span<Frame> frames, const Progress& progress) {
    PersonDetector* const detector =
        context_.models.find(Task::Pose) ? context_.models.detector() : nullptr;
    if (!detector) return compute_frames(context_, frames, progress);
    // Frames are computed in order: the keypoints of a frame determine the boxes of the next.
    for (Frame& frame : frames) {
      find_persons(*detector, frame);
      compute_frames(context_, {&frame, 1}, progress);
      if (!frame.error) tracker_.follow(frame.poses);
    }
  }

 private:
  void find_persons(PersonDetector& detector, Frame& frame) {
    const Stopwatch watch;
    const bool turn = computed_++ % context_.options.video.detect_every == 0;
    const std::vector<TrackedBox> persons =
        turn ? tracker_.update(detector.detect(frame.image, context_.options.detect).persons)
             : tracker_.predict();
    frame.boxes.emplace();
    for (const TrackedBox& person : persons) {
      frame.boxes->push_back(person.box);
      frame.ids.push_back(person.id);
    }
    frame.seconds.detect = watch.seconds();
  }

  const TaskContext& context_;
  PersonTracker tracker_;
  Index computed_ = 0;
};

/// The sink of a run over a video: writes the files of each frame, and draws it into the videos.
class VideoSink {
 public:
  VideoSink(const TaskContext& context, const Job& job, double rate)
      : context_(context), job_(job), rate_(rate), videos_(job.images.size()) {}

  void write(Frame& frame) {
    if (frame.error) throw Error(*frame.error);
    const Stopwatch watch;
    times_.push_back(frame.place->seconds);
    write_frame(context_, job_, frame);
    for (std::size_t i = 0; i < videos_.size(); ++i) draw(i, frame);
    frame.seconds.write = watch.seconds();
    seconds_ += frame.seconds;
  }

  /// Makes the videos appear.
  void finish() {
    for (std::optional<VideoWriter>& video : videos_) {
      if (video) video->finish();
    }
  }

  Index frames() const { return std::ssize(times_); }
  const StageSeconds& seconds() const { return seconds_; }
  /// The times of the frames that were written, in seconds of the source.
  const std::vector<double>& times() const { return times_; }
  bool draws() const { return !videos_.empty(); }

  /// By how much a frame of the drawn videos comes too early or too late, at most: OpenCV writes
  /// all frames equally long. In seconds.
  double time_error() const {
    double worst = 0;
    for (std::size_t i = 0; i < times_.size(); ++i) {
      const double drawn = static_cast<double>(i) / rate_;
      worst = std::max(worst, std::abs(times_[i] - times_.front() - drawn));
    }
    return worst;
  }
  /// An error of half a frame is not visible.
  bool keeps_times() const { return time_error() <= 0.5 / rate_; }
  double rate() const { return rate_; }

 private:
  void draw(std::size_t task, const Frame& frame) {
    const Image drawing = output_of(context_.options.tasks[task].task).draw(context_, frame);
    std::optional<VideoWriter>& video = videos_[task];
    if (!video) {
      create_parent(job_.images[task]);
      video.emplace(job_.images[task], rate_, drawing.width, drawing.height);
    }
    video->write(drawing);
  }

  const TaskContext& context_;
  const Job& job_;
  double rate_;
  std::vector<std::optional<VideoWriter>> videos_;  // one per task
  std::vector<double> times_;
  StageSeconds seconds_;
};

void write_document(const TaskContext& context, const Job& job, const VideoSource& source,
                    const VideoSink& sink) {
  Json document = source.document(job.input, sink.times());
  if (!context.pose_meta.is_null()) document["meta_info"] = context.pose_meta;
  write_json(job.files.front().path, document, "what the frames are cannot be written");
}

void warn_about_times(const TaskContext& context, const Job& job, const VideoSource& source,
                      const VideoSink& sink) {
  const FrameStream& video = source.video();
  for (const std::string& doubt : source.doubts()) context.warn(job, doubt);
  // OpenCV 4.6 tells no stamps of the last frames of most H.264: nothing worth a warning where
  // those before keep to the rate.
  const Index guessed = video.frames_without_time();
  const bool no_doubt = sink.keeps_times() && guessed < video.frames_read() - 1;
  if (guessed > 0 && !no_doubt) {
    context.warn(job, fmt::format("{} of {} frames have no usable time stamp: they are taken to "
                                  "follow at {:.6g} frames per second",
                                  guessed, video.frames_read(), source.rate()));
  }
  if (sink.draws() && !sink.keeps_times()) {
    context.warn(
        job, fmt::format("the drawn video shows {:.6g} frames per second, all equally long, and "
                         "does not keep the times of the source: it is off by up to {:.3g} s. "
                         "The times are in {}",
                         sink.rate(), sink.time_error(), job.files.front().path.string()));
  }
}

/// The next --batch frames that were asked for, prepared; nothing after the last.
std::optional<std::vector<Frame>> read_frames(const TaskContext& context, const Job& job,
                                              VideoSource& source,
                                              const std::function<bool()>& is_cancelled) {
  const auto stops = [&] { return is_cancelled() || context.interrupts.requested(); };
  std::vector<Frame> frames;
  while (std::ssize(frames) < context.options.batch) {
    std::optional<VideoFrame> next = source.next(stops);
    if (!next) break;
    Frame& frame = frames.emplace_back();
    frame.place = next->place;
    frame.image = std::move(next->image);
    frame.seconds.decode = next->decode_seconds;
    prepare_frame(context, job, frame);
  }
  if (frames.empty()) return std::nullopt;
  return frames;
}

/// From the first frame to the last.
void run_frames(const TaskContext& context, const Job& job, VideoSource& source, VideoSink& sink) {
  VideoComputer computer(context);
  Index computed = 0;
  Pipeline<std::vector<Frame>> pipeline(
      {.read =
           [&](const auto& is_cancelled) {
             return read_frames(context, job, source, is_cancelled);
           },
       .compute =
           [&](std::vector<Frame>& frames, const auto& keep_going) {
             computer.compute(frames, [&](double) {
               keep_going();
               context.interrupts.check();
               context.meter.update(static_cast<double>(computed));
             });
             computed += std::ssize(frames);
           },
       .write =
           [&](std::vector<Frame> frames) {
             for (Frame& frame : frames) sink.write(frame);
           }});
  try {
    pipeline.run();
  } catch (const Interrupted&) {
    sink.finish();
    throw;
  }
  sink.finish();
  context.interrupts.check();
}

JobResult result_of(const TaskContext& context, const VideoSource& source, const VideoSink& sink) {
  JobResult result{.shape = {sink.frames(), source.height(), source.width()}};
  result.details = {{"frames", sink.frames()},
                    {"rate", source.rate()},
                    {"rate_is_assumed", source.video().rate_is_assumed()},
                    {"frames_without_time", source.video().frames_without_time()},
                    {"stages", stages_json(context, sink.seconds())}};
  if (sink.draws()) {
    result.details["drawn"] = {{"rate", sink.rate()},
                               {"keeps_times", sink.keeps_times()},
                               {"time_error", sink.time_error()}};
  }
  return result;
}

JobResult run_whole_video(const TaskContext& run, const Job& job) {
  const auto no_interruption = run.interrupts.hold();
  const Stopwatch watch;
  VideoSource source(job.input, run.options.video);
  Meter meter(job.input.path.filename().string(), source.expected(), stderr_is_terminal());
  const TaskContext context{
      {run.interrupts, meter}, run.models, run.options, run.boxes, run.pose_meta};
  VideoSink sink(context, job, source.rate() / static_cast<double>(run.options.video.every));
  remove_frames(job);
  run_frames(context, job, source, sink);
  if (sink.frames() == 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "no frame of this video was asked for",
                 .file = job.input.text(),
                 .actual = fmt::format("{} frames in it", source.video().frames_read()),
                 .hint = "look at --start and --end, in seconds"});
  }
  warn_about_times(context, job, source, sink);
  write_document(context, job, source, sink);
  JobResult result = result_of(context, source, sink);
  result.seconds = watch.seconds();
  return result;
}

}  // namespace

JobResult run_video(const TaskContext& context, const Job& job) {
  try {
    if (job.error) throw *job.error;
    if (context.boxes) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "the boxes of --boxes are about images, not about frames",
                   .file = job.input.text(),
                   .hint = "take --detector for videos, or --box"});
    }
    return run_whole_video(context, job);
  } catch (const Error& error) {
    const ErrorCode code = error.code();
    if (code == ErrorCode::OutOfResources || code == ErrorCode::WriteFailed) throw;
    context.report_failure(job, error);
    return {.error = error};
  }
}

}  // namespace sapiens::cli
