#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/sapiens.h"
#include "support/scratch.hpp"

namespace sapiens {

template <auto Free>
struct FreedBy {
  template <typename Handle>
  void operator()(Handle* handle) const {
    Free(handle);
  }
};
using CError = std::unique_ptr<sapiens_error, FreedBy<sapiens_error_free>>;
using CCheckpoint = std::unique_ptr<sapiens_checkpoint, FreedBy<sapiens_checkpoint_free>>;
using CReport = std::unique_ptr<sapiens_report, FreedBy<sapiens_report_free>>;
using CEncoder = std::unique_ptr<sapiens_encoder, FreedBy<sapiens_encoder_free>>;
using CTaskModel = std::unique_ptr<sapiens_task_model, FreedBy<sapiens_task_model_free>>;
using CReconstructor = std::unique_ptr<sapiens_reconstructor, FreedBy<sapiens_reconstructor_free>>;
using CDetector = std::unique_ptr<sapiens_detector, FreedBy<sapiens_detector_free>>;
using CResult = std::unique_ptr<sapiens_result, FreedBy<sapiens_result_free>>;

/// Hands `call` the two pointers that end every argument list. What it hands out, or null and a
/// failed test with the error's text.
template <typename Owner, typename Call>
Owner made(const Call& call) {
  typename Owner::pointer handle = nullptr;
  sapiens_error* error = nullptr;
  const sapiens_status status = call(&handle, &error);
  EXPECT_EQ(status, SAPIENS_OK) << sapiens_error_text(error);
  sapiens_error_free(error);
  return Owner(handle);
}

/// The error of a call that creates a handle; the test fails where there is no error, or a handle.
template <typename Handle, typename Call>
CError error_of(const Call& call) {
  Handle* handle = reinterpret_cast<Handle*>(1);  // as if never set
  sapiens_error* error = nullptr;
  const sapiens_status status = call(&handle, &error);
  EXPECT_NE(status, SAPIENS_OK);
  EXPECT_EQ(handle, nullptr);
  EXPECT_EQ(sapiens_error_status(error), status);
  return CError(error);
}

inline CCheckpoint open_c(const std::string& path) {
  return made<CCheckpoint>([&](sapiens_checkpoint** out, sapiens_error** error) {
    return sapiens_checkpoint_open(path.c_str(), out, error);
  });
}

inline CEncoder load_c_encoder(const std::string& path,
                               const sapiens_engine_options* engine = nullptr) {
  const CCheckpoint checkpoint = open_c(path);
  return made<CEncoder>([&](sapiens_encoder** out, sapiens_error** error) {
    return sapiens_encoder_load(checkpoint.get(), nullptr, engine, out, error);
  });
}

inline CTaskModel load_c_task_model(const std::string& path) {
  const CCheckpoint checkpoint = open_c(path);
  return made<CTaskModel>([&](sapiens_task_model** out, sapiens_error** error) {
    return sapiens_task_model_load(checkpoint.get(), nullptr, nullptr, out, error);
  });
}

inline CReconstructor load_c_reconstructor(const std::string& path) {
  const CCheckpoint checkpoint = open_c(path);
  return made<CReconstructor>([&](sapiens_reconstructor** out, sapiens_error** error) {
    return sapiens_reconstructor_load(checkpoint.get(), nullptr, nullptr, out, error);
  });
}

template <typename Struct>
Struct defaults() {
  Struct options;
  SAPIENS_INIT(&options);
  return options;
}

inline sapiens_image image_at(const std::string& path) {
  auto image = defaults<sapiens_image>();
  image.path = path.c_str();
  return image;
}

inline std::vector<std::int64_t> shape_of(const CResult& result, std::int64_t index = 0) {
  const std::int64_t* const shape = sapiens_result_shape(result.get(), index);
  return {shape, shape + sapiens_result_rank(result.get(), index)};
}

inline std::size_t size_of(const CResult& result, std::int64_t index) {
  const std::int64_t* const shape = sapiens_result_shape(result.get(), index);
  std::size_t size = 1;
  for (int axis = 0; axis < sapiens_result_rank(result.get(), index); ++axis) {
    size *= static_cast<std::size_t>(shape[axis]);
  }
  return size;
}

/// All numbers of an array of floats.
inline std::vector<float> floats_of(const CResult& result, std::int64_t index = 0) {
  const float* const values = sapiens_result_floats(result.get(), index);
  return {values, values + size_of(result, index)};
}

/// The same of bytes.
inline std::vector<std::uint8_t> bytes_of(const CResult& result, std::int64_t index = 0) {
  const std::uint8_t* const values = sapiens_result_bytes(result.get(), index);
  return {values, values + size_of(result, index)};
}

/// Checkpoints of random weights with an image, in a folder of their own.
class TinyModels {
 public:
  std::string file(const std::string& task) {
    const std::string path = scratch_ / (task + ".pth");
    if (!std::filesystem::exists(path)) {
      synthesize_checkpoint(path, {.arch = "tiny", .task = parse_task(task)});
    }
    return path;
  }
  /// Includes the decoder that reconstructs.
  std::string autoencoder() {
    const std::string path = scratch_ / "autoencoder.pth";
    if (!std::filesystem::exists(path)) {
      synthesize_checkpoint(path, {.arch = "tiny", .layout = Layout::MMEngine});
    }
    return path;
  }
  std::string in_scratch(const std::string& name) const { return scratch_ / name; }

  const std::string image = std::string(SAPIENS_TEST_DATA) + "/golden/task_pose/image.png";
  const std::string other_image = std::string(SAPIENS_TEST_DATA) + "/golden/rtmdet/image.jpg";
  const std::string detector = std::string(SAPIENS_TEST_DATA) + "/golden/rtmdet/rtmdet.pth";

 private:
  Scratch scratch_;
};

}  // namespace sapiens
