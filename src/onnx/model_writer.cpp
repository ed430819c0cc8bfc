#include "onnx/model_writer.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "checkpoint/write_sources.hpp"
#include "core/atomic_file.hpp"
#include "onnx/graph.hpp"
#include "sapiens/error.hpp"
#include "sapiens/printable.hpp"

namespace sapiens::onnx {
namespace {

// A runtime that maps the file wants tensors to begin at a page.
constexpr std::uint64_t kAlignment = 4096;

RawTensor raw_tensor(const TensorSource& weight) {
  return {.name = weight.key.c_str(),
          .type = type_of(weight.dtype),
          .shape = {weight.shape.data(), weight.shape.size()}};
}

std::span<const std::byte> as_span(const Bytes& bytes) {
  return std::as_bytes(std::span(bytes.data, bytes.size));
}

// Writes one weight after the other, and reports each.
class Streamer {
 public:
  Streamer(AtomicFile& file, std::uint64_t total, const WriteProgress& progress)
      : file_(file), total_(total), progress_(progress) {}

  void write(const TensorSource& weight) {
    stream_tensor(weight, [&](std::span<const std::byte> piece) { file_.write(piece); });
    done_ += byte_size(weight);
    if (progress_) progress_(done_, total_);
  }

 private:
  AtomicFile& file_;
  std::uint64_t total_;
  const WriteProgress& progress_;
  std::uint64_t done_ = 0;
};

// Texts of protobuf are UTF-8, and what readers make of other names differs.
std::string location_of(const std::filesystem::path& data_path) {
  std::string name = data_path.filename().string();
  if (printable(name) == name) return name;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "a graph cannot refer to a file of such a name, in which its weights are",
               .file = data_path.string(),
               .expected = "UTF-8 without control characters"});
}

void write_start(AtomicFile& file, RawModel& model) {
  Bytes bytes;
  expect_memory(model.begin(bytes));
  file.write(as_span(bytes));
}

WrittenFiles write_one_file(const std::filesystem::path& path, RawModel& model,
                            std::span<const TensorSource> weights, const WriteProgress& progress) {
  for (const TensorSource& weight : weights) {
    expect_memory(model.add_weight(raw_tensor(weight), byte_size(weight)));
  }
  AtomicFile file(path);
  write_start(file, model);
  Streamer streamer(file, total_bytes(weights), progress);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    Bytes bytes;
    expect_memory(model.begin_weight(i, bytes));
    file.write(as_span(bytes));
    streamer.write(weights[i]);
  }
  file.commit();
  std::error_code ignored;
  return {.paths = {path},
          .bytes = model.file_size(),
          .other_data = std::filesystem::exists(data_path_of(path), ignored)};
}

WrittenFiles write_two_files(const std::filesystem::path& path, RawModel& model,
                             std::span<const TensorSource> weights, const WriteProgress& progress) {
  const std::filesystem::path data_path = data_path_of(path);
  const std::string location = location_of(data_path);
  AtomicFile graph(path), data(data_path);
  Streamer streamer(data, total_bytes(weights), progress);
  const std::vector<std::byte> zeros(kAlignment);
  std::uint64_t offset = 0;
  for (const TensorSource& weight : weights) {
    const std::uint64_t gap = (kAlignment - offset % kAlignment) % kAlignment;
    data.write(std::span(zeros).first(gap));
    offset += gap;
    const std::uint64_t size = byte_size(weight);
    expect_memory(model.add_external_weight(raw_tensor(weight), location.c_str(), offset, size));
    streamer.write(weight);
    offset += size;
  }
  write_start(graph, model);
  // What fails is likely to fail here, while an earlier pair of files is still complete.
  data.flush();
  graph.flush();
  // An earlier graph goes first, so that none is left beside weights of another one.
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  data.commit();
  try {
    graph.commit();
  } catch (...) {
    std::filesystem::remove(data_path, ignored);
    throw;
  }
  return {.paths = {path, data_path}, .bytes = model.file_size() + offset};
}

}  // namespace

std::filesystem::path data_path_of(const std::filesystem::path& path) {
  std::filesystem::path data_path = path;
  data_path += ".data";
  return data_path;
}

WrittenFiles write_model(const std::filesystem::path& path, RawModel& model,
                         std::span<const TensorSource> weights, const WriteProgress& progress,
                         std::uint64_t max_single_file) {
  check_sources(weights);
  const std::uint64_t names = weights.size() * 512;  // more than any weight's name and shape take
  const bool one_file = total_bytes(weights) + model.file_size() + names <= max_single_file;
  return one_file ? write_one_file(path, model, weights, progress)
                  : write_two_files(path, model, weights, progress);
}

}  // namespace sapiens::onnx
