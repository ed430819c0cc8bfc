#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/thread_pool.hpp"
#include "engine/task_traits.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"

namespace sapiens {
namespace {

void expect_decodable(Task task, TensorView<const float, 3> output, const DecodeOptions& options) {
  if (!has_head(task)) throw no_head_error(task);
  if (options.person && !task_info(task).of_persons) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("results for {} are of whole images", task_name(task)),
                 .expected = "no box of a person",
                 .actual = "one"});
  }
  if (output.size() == 0) {
    throw_shape_mismatch("the output of a head", std::vector<Index>{kAny, kAny, kAny},
                         output.extents());
  }
  expect_target_size(options.input.height, options.input.width);
  expect_target_size(options.image.height, options.image.width);
}

/// Pixels as rows, which heads of the engine write.
std::vector<float> channels_last(TensorView<const float, 3> output) {
  const auto& [channels, rows, columns] = output.extents();
  std::vector<float> values(static_cast<std::size_t>(output.size()));
  for (Index channel = 0; channel < channels; ++channel) {
    for (Index y = 0; y < rows; ++y) {
      const float* const from = output[channel][y].data();
      float* const to = values.data() + y * columns * channels + channel;
      for (Index x = 0; x < columns; ++x) to[x * channels] = from[x];
    }
  }
  return values;
}

}  // namespace

Result decode_output(Task task, TensorView<const float, 3> output, const DecodeOptions& options) {
  expect_decodable(task, output, options);
  const auto [channels, rows, columns] = output.extents();
  const std::vector<float> values = channels_last(output);
  const HeadOutput head{.values = {values.data(), {rows * columns, channels}},
                        .size = {rows, columns}};
  TaskInput input{.width = options.image.width,
                  .height = options.image.height,
                  .person = options.person,
                  .mode = options.mode};
  if (task_info(task).of_persons && !input.person) {
    input.person =
        Box{.width = static_cast<float>(input.width), .height = static_cast<float>(input.height)};
  }
  const ThreadPool pool(options.threads);
  return traits_of(task).result(
      {.head = head, .input = input, .size = options.input, .pool = pool});
}

}  // namespace sapiens
