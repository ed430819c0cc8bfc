#include "task_run.hpp"

#include <functional>
#include <utility>

#include "frame_computer.hpp"
#include "frame_reader.hpp"
#include "frame_writer.hpp"
#include "pipeline.hpp"

namespace sapiens::cli {

std::vector<JobResult> run_pictures(const TaskContext& context, std::span<const Job> jobs) {
  using Frames = std::vector<Frame>;
  PictureReader reader(context, jobs);
  const FrameComputer computer(context);
  const FrameWriter writer(context, jobs);
  std::vector<JobResult> results(jobs.size());

  Pipeline<Frames, Frames>(
      {.read = [&](const std::function<bool()>& is_cancelled) { return reader.next(is_cancelled); },
       .compute =
           [&](Frames frames, const std::function<void()>& keep_going) {
             const auto first = static_cast<double>(frames.front().job);
             computer.compute(frames, [&](double done) {
               keep_going();
               context.meter.update(first + done * static_cast<double>(frames.size()));
             });
             for (Frame& frame : frames) frame.inputs.clear();
             return frames;
           },
       .write =
           [&](Frames frames) {
             for (Frame& frame : frames) {
               const auto no_interruption = context.interrupts.hold();
               results[frame.job] = writer.write(frame);
             }
           }})
      .run();
  return results;
}

}  // namespace sapiens::cli
