#include "cli/run/task_run.hpp"

#include <functional>
#include <utility>

#include "cli/run/frame_computer.hpp"
#include "cli/run/frame_reader.hpp"
#include "cli/run/frame_writer.hpp"
#include "cli/run/pipeline.hpp"

namespace sapiens::cli {

std::vector<JobResult> run_images(const TaskContext& context, std::span<const Job> jobs) {
  using Frames = std::vector<Frame>;
  ImageReader reader(context, jobs);
  const FrameComputer computer(context);
  const FrameWriter writer(context, jobs);
  std::vector<JobResult> results(jobs.size());

  Pipeline<Frames, Frames>(
      {.read = [&](const std::function<bool()>& is_cancelled) { return reader.next(is_cancelled); },
       .compute =
           [&](Frames frames, const std::function<void()>& keep_going) {
             return computer.compute_images(std::move(frames), keep_going);
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
