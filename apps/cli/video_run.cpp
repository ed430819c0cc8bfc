#include "video_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <sapiens/tracker.hpp>
#include <sapiens/video.hpp>
#include <utility>

#include "frame_computer.hpp"
#include "frame_reader.hpp"
#include "frame_stream.hpp"
#include "frame_writer.hpp"
#include "json_file.hpp"
#include "outputs.hpp"
#include "pipeline.hpp"
#include "stopwatch.hpp"
#include "task_outputs.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// The frames of a video that the run is about.
class VideoSource {
 public:
  VideoSource(const TaskContext& context, const Job& job)
      : context_(context),
        job_(job),
        video_(FrameStream::open(job.input, context.options.video.folder_rate)),
        rate_(video_->rate()),
        first_(frame_at(context.options.video.start)),
        end_(context.options.video.end < 0 ? 0 : frame_at(context.options.video.end)) {}

  double rate() const { return rate_; }
  const FrameStream& video() const { return *video_; }
  /// Of the frames; 0 before the first.
  Index width() const { return width_; }
  Index height() const { return height_; }

  /// Frames that `next` will give; 0 where nobody knows.
  Index expected() const {
    const Index last = video_->frames() > 0 && end_ > 0 ? std::min(end_, video_->frames())
                                                        : std::max(end_, video_->frames());
    const Index every = context_.options.video.every;
    return last == 0 ? 0 : std::max<Index>((last - first_ + every - 1) / every, 1);
  }

  /// True where the file was read to its end and there were far fewer frames than it says; some
  /// formats count by duration and are off by a few.
  bool is_cut_off() const {
    constexpr Index kFew = 5;
    return at_end_ && video_->frames_read() + kFew < video_->frames();
  }

  std::optional<std::vector<Frame>> next(const std::function<bool()>& is_cancelled) {
    std::vector<Frame> frames;
    while (std::ssize(frames) < context_.options.batch) {
      if (is_cancelled() || context_.interrupts.requested()) return std::nullopt;
      std::optional<Frame> frame = read();
      if (!frame) break;
      frames.push_back(std::move(*frame));
    }
    if (frames.empty()) return std::nullopt;
    return frames;
  }

 private:
  Index frame_at(double seconds) const { return static_cast<Index>(std::ceil(seconds * rate_)); }

  bool is_wanted(Index number) const {
    return number >= first_ && (number - first_) % context_.options.video.every == 0;
  }

  std::optional<Frame> read() {
    const Stopwatch watch;
    while (!at_end_ && !is_wanted(video_->frames_read())) at_end_ = !video_->skip();
    const Index number = video_->frames_read();
    if (at_end_ || (end_ > 0 && number >= end_)) return std::nullopt;
    Frame frame{.place = VideoPlace{number, static_cast<double>(number) / rate_}};
    at_end_ = !video_->read(frame.picture);
    if (at_end_) return std::nullopt;
    width_ = frame.picture.width;
    height_ = frame.picture.height;
    frame.seconds.decode = watch.seconds();
    prepare_frame(context_, job_, frame);
    return frame;
  }

  const TaskContext& context_;
  const Job& job_;
  std::unique_ptr<FrameStream> video_;
  double rate_;
  Index first_, end_;  // in frames; an end of 0 is the video's
  bool at_end_ = false;
  Index width_ = 0, height_ = 0;
};

/// Computes frames in order. Where a detector finds persons they get ids that last.
class VideoComputer {
 public:
  explicit VideoComputer(const TaskContext& context) : context_(context), computer_(context) {}

  void compute(std::span<Frame> frames, const Progress& progress) {
    PersonDetector* const detector =
        context_.models.find("pose") ? context_.models.detector() : nullptr;
    if (!detector) return computer_.compute(frames, progress);
    // One after the other: where the key points of a frame are tells where to look in the next.
    for (Frame& frame : frames) {
      find_persons(*detector, frame);
      computer_.compute({&frame, 1}, progress);
      if (!frame.error) tracker_.follow(frame.poses);
    }
  }

 private:
  void find_persons(PersonDetector& detector, Frame& frame) {
    const Stopwatch watch;
    const bool turn = computed_++ % context_.options.video.detect_every == 0;
    const std::vector<TrackedBox> persons =
        turn ? tracker_.update(detector.detect(frame.picture, context_.options.detect))
             : tracker_.predict();
    frame.boxes.emplace();
    for (const TrackedBox& person : persons) {
      frame.boxes->push_back(person.box);
      frame.ids.push_back(person.id);
    }
    frame.seconds.detect = watch.seconds();
  }

  const TaskContext& context_;
  FrameComputer computer_;
  PersonTracker tracker_;
  Index computed_ = 0;
};

/// Writes the files of each frame, and draws it into the videos.
class VideoSink {
 public:
  VideoSink(const TaskContext& context, const Job& job, double rate)
      : context_(context), job_(job), rate_(rate), files_(task_files(context.options)) {
    videos_.resize(job.pictures.size());
  }

  void write(Frame& frame) {
    if (frame.error) throw Error(*frame.error);
    const Stopwatch watch;
    for (const TaskFile* file : files_) {
      const fs::path path =
          result_path(context_.options, file->task, frame_name(job_, frame.place), file->suffix);
      create_parent(path);
      file->write(context_, frame, path);
    }
    for (std::size_t i = 0; i < videos_.size(); ++i) draw(i, frame);
    frame.seconds.write = watch.seconds();
    seconds_ += frame.seconds;
    ++frames_;
  }

  /// Makes the videos appear.
  void finish() {
    for (std::optional<VideoWriter>& video : videos_) {
      if (video) video->finish();
    }
  }

  Index frames() const { return frames_; }
  const FrameSeconds& seconds() const { return seconds_; }

 private:
  void draw(std::size_t task, const Frame& frame) {
    const Image drawing = draw_result(context_, context_.options.tasks[task].task, frame);
    std::optional<VideoWriter>& video = videos_[task];
    if (!video) {
      create_parent(job_.pictures[task]);
      video.emplace(job_.pictures[task], rate_, drawing.width, drawing.height);
    }
    video->write(drawing);
  }

  const TaskContext& context_;
  const Job& job_;
  double rate_;
  std::vector<const TaskFile*> files_;
  std::vector<std::optional<VideoWriter>> videos_;  // one per task
  Index frames_ = 0;
  FrameSeconds seconds_;
};

/// Frames that an earlier run left under other --every, --start or --end.
void remove_frames(const TaskOptions& options, const Job& job) {
  for (const TaskFile* file : task_files(options)) {
    const fs::path folder = result_path(options, file->task, job.name, "");
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      const std::size_t digits = name.find_first_not_of("0123456789");
      if (digits > 0 && digits != std::string::npos && name.substr(digits) == file->suffix) {
        fs::remove(entry.path(), error);
      }
    }
  }
}

void write_document(const TaskContext& context, const Job& job, const VideoSource& source,
                    Index frames) {
  const VideoOptions& options = context.options.video;
  Json document = {
      {"video",
       {{"source", job.input.path.string()},
        {"width", source.width()},
        {"height", source.height()},
        {"rate", source.rate()},
        {"every", options.every},
        {"start", options.start},
        {"end", options.end < 0 ? Json(nullptr) : Json(options.end)}}},
      {"frames", frames},
      {"files", "NUMBER of the frame in the video, from 0, in the folder of the same name"}};
  if (!context.pose_meta.is_null()) document["meta_info"] = context.pose_meta;
  write_json(job.files.front().path, document, "what the frames are cannot be written");
}

JobResult run_whole_video(const TaskContext& context, const Job& job) {
  using Frames = std::vector<Frame>;
  const auto no_interruption = context.interrupts.hold();
  const Stopwatch watch;
  VideoSource source(context, job);
  VideoComputer computer(context);
  VideoSink sink(context, job, source.rate() / static_cast<double>(context.options.video.every));
  Meter meter(job.input.path.filename().string(), source.expected(), stderr_is_terminal());
  remove_frames(context.options, job);
  Index computed = 0;

  Pipeline<Frames, Frames> pipeline(
      {.read = [&](const std::function<bool()>& is_cancelled) { return source.next(is_cancelled); },
       .compute =
           [&](Frames frames, const std::function<void()>& keep_going) {
             computer.compute(frames, [&](double) {
               keep_going();
               context.interrupts.check();
               meter.update(static_cast<double>(computed));
             });
             computed += std::ssize(frames);
             return frames;
           },
       .write =
           [&](Frames frames) {
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
  if (sink.frames() == 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "no frame of this video was asked for",
                 .file = job.input.path.string(),
                 .actual = fmt::format("{} frames in it", source.video().frames_read()),
                 .hint = "look at --start and --end, in seconds"});
  }
  if (source.is_cut_off()) {
    context.warn(job, fmt::format("ends after {} of the {} frames that it announces",
                                  source.video().frames_read(), source.video().frames()));
  }
  write_document(context, job, source, sink.frames());
  JobResult result{.shape = {sink.frames(), source.height(), source.width()},
                   .seconds = watch.seconds()};
  result.details = {{"frames", sink.frames()},
                    {"rate", source.rate()},
                    {"stages", stages_json(sink.seconds(), context.models.detector() != nullptr)}};
  return result;
}

}  // namespace

JobResult run_video(const TaskContext& context, const Job& job) {
  try {
    if (context.boxes) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "the boxes of --boxes are about pictures, not about frames",
                   .file = job.input.path.string(),
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
