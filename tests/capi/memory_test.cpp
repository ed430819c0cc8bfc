#include <gtest/gtest.h>

#include <cstdio>

#include "capi/failing_new.hpp"
#include "capi/support.hpp"
#include "sapiens/onnx.hpp"

// Memory that runs out at any point of a call is a status, never an exception or an end.
namespace sapiens {
namespace {

// How soon the steps between the tried allocations grow.
constexpr long kGrowing = 8;
constexpr long kFine = 64;

// Calls with room for 0, 1, 2 ... allocations until it succeeds.
template <typename Owner, typename Call>
void expect_statuses_until_there_is_memory(const Call& call, long every = kGrowing) {
  int refusals = 0;
  for (long room = 0;; room += 1 + room / every) {
    typename Owner::pointer handle = nullptr;
    sapiens_error* error = nullptr;
    fail_after_allocations(room);
    const sapiens_status status = call(&handle, &error);
    allocate_again();
    const Owner owner(handle);
    const CError owned(error);
    if (status == SAPIENS_OK) break;
    ++refusals;
    ASSERT_EQ(status, SAPIENS_OUT_OF_RESOURCES) << room << ": " << sapiens_error_text(error);
    ASSERT_EQ(handle, nullptr);
    ASSERT_STRNE(sapiens_error_text(error), "");
  }
  EXPECT_GT(refusals, 0);
}

// One thread: allocations of others are not counted.
class CMemory : public testing::Test {
 protected:
  CMemory() { engine.threads = 1; }

  sapiens_status load_model(const CCheckpoint& of, sapiens_task_model** out,
                            sapiens_error** error) const {
    return sapiens_task_model_load(of.get(), nullptr, &engine, out, error);
  }

  TinyModels tiny;
  sapiens_engine_options engine = defaults<sapiens_engine_options>();
  sapiens_image image = image_at(tiny.image);
};

TEST_F(CMemory, RunningOutWhileInspectingIsAStatus) {
  const std::string path = tiny.file("pretrain");
  expect_statuses_until_there_is_memory<CCheckpoint>([&](auto** out, sapiens_error** error) {
    return sapiens_checkpoint_open(path.c_str(), out, error);
  });
  const CCheckpoint checkpoint = open_c(path);
  expect_statuses_until_there_is_memory<CReport>(
      [&](auto** out, sapiens_error** error) {
        return sapiens_checkpoint_inspect(checkpoint.get(), nullptr, out, error);
      },
      kFine);
}

TEST_F(CMemory, RunningOutInAnEncoderIsAStatus) {
  const CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
  expect_statuses_until_there_is_memory<CEncoder>([&](auto** out, sapiens_error** error) {
    return sapiens_encoder_load(checkpoint.get(), nullptr, &engine, out, error);
  });
  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"), &engine);
  expect_statuses_until_there_is_memory<CResult>([&](auto** out, sapiens_error** error) {
    return sapiens_encoder_features(encoder.get(), &image, 1, nullptr, out, error);
  });
}

TEST_F(CMemory, RunningOutInATaskIsAStatus) {
  for (const std::string task : {"pose", "seg", "depth", "normal"}) {
    SCOPED_TRACE(task);
    const CCheckpoint checkpoint = open_c(tiny.file(task));
    const auto load = [&](auto** out, sapiens_error** error) {
      return load_model(checkpoint, out, error);
    };
    expect_statuses_until_there_is_memory<CTaskModel>(load);
    const auto model = made<CTaskModel>(load);
    expect_statuses_until_there_is_memory<CResult>([&](auto** out, sapiens_error** error) {
      if (task == "pose") {
        return sapiens_task_model_pose(model.get(), &image, nullptr, 0, nullptr, out, error);
      }
      return sapiens_task_model_run(model.get(), &image, 1, nullptr, out, error);
    });
  }
}

TEST_F(CMemory, RunningOutWhileReconstructingIsAStatus) {
  const CCheckpoint checkpoint = open_c(tiny.autoencoder());
  const auto load = [&](auto** out, sapiens_error** error) {
    return sapiens_reconstructor_load(checkpoint.get(), nullptr, &engine, out, error);
  };
  expect_statuses_until_there_is_memory<CReconstructor>(load);
  const auto reconstructor = made<CReconstructor>(load);
  expect_statuses_until_there_is_memory<CResult>([&](auto** out, sapiens_error** error) {
    return sapiens_reconstructor_run(reconstructor.get(), &image, nullptr, out, error);
  });
}

// Half a file is never left.
TEST_F(CMemory, RunningOutWhileConvertingIsAStatus) {
  const CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
  const std::string output = tiny.in_scratch("converted.pth");
  expect_statuses_until_there_is_memory<CReport>([&](auto** out, sapiens_error** error) {
    std::remove(output.c_str());  // without an allocation
    const sapiens_status status =
        sapiens_checkpoint_convert(checkpoint.get(), output.c_str(), nullptr, nullptr, out, error);
    allocate_again();
    EXPECT_EQ(std::filesystem::exists(output), status == SAPIENS_OK);
    return status;
  });
  open_c(output);
}

TEST_F(CMemory, RunningOutWhileAnOnnxFileIsWrittenIsAStatus) {
  if (!onnx_available()) GTEST_SKIP() << "this build writes no ONNX files";
  const CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
  const std::string output = tiny.in_scratch("converted.onnx");
  expect_statuses_until_there_is_memory<CReport>([&](auto** out, sapiens_error** error) {
    std::remove(output.c_str());  // without an allocation
    const sapiens_status status = sapiens_checkpoint_convert_to_onnx(
        checkpoint.get(), output.c_str(), nullptr, nullptr, out, error);
    allocate_again();
    EXPECT_EQ(std::filesystem::exists(output), status == SAPIENS_OK);
    return status;
  });
}

// Even the object that tells of another error may find no memory.
TEST_F(CMemory, RunningOutWhileAnErrorIsDescribedIsAStatus) {
  for (long room = 0; room < 60; ++room) {
    sapiens_checkpoint* checkpoint = nullptr;
    sapiens_error* error = nullptr;
    fail_after_allocations(room);
    const sapiens_status status =
        sapiens_checkpoint_open("/nowhere/at/all.pth", &checkpoint, &error);
    allocate_again();
    const CError owned(error);
    ASSERT_EQ(checkpoint, nullptr);
    ASSERT_EQ(sapiens_error_status(error), status);
    ASSERT_TRUE(status == SAPIENS_NOT_FOUND || status == SAPIENS_OUT_OF_RESOURCES) << status;
    ASSERT_STRNE(sapiens_error_summary(error), "");
  }
}

}  // namespace
}  // namespace sapiens
