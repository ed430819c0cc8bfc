#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "capi/support.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/machine.hpp"
#include "sapiens/tasks.hpp"

namespace sapiens {
namespace {

// What C says of a failure, beside what C++ says.
void expect_same(const CError& actual, const Error& expected) {
  const sapiens_error* const error = actual.get();
  EXPECT_EQ(sapiens_status_name(sapiens_error_status(error)), error_code_name(expected.code()));
  EXPECT_EQ(sapiens_error_summary(error), expected.detail().summary);
  EXPECT_EQ(sapiens_error_file(error), expected.detail().file);
  EXPECT_EQ(sapiens_error_key(error), expected.detail().key);
  EXPECT_EQ(sapiens_error_expected(error), expected.detail().expected);
  EXPECT_EQ(sapiens_error_actual(error), expected.detail().actual);
  EXPECT_EQ(sapiens_error_hint(error), expected.detail().hint);
  EXPECT_STREQ(sapiens_error_text(error), expected.what());
}

template <typename Action>
Error thrown_by(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::Internal, {});
}

CError open_error(const std::string& path) {
  return error_of<sapiens_checkpoint>([&](sapiens_checkpoint** out, sapiens_error** error) {
    return sapiens_checkpoint_open(path.c_str(), out, error);
  });
}

class CErrors : public testing::Test {
 protected:
  // The error of computing features of the image.
  CError features_error(const sapiens_features_options& options) {
    const sapiens_image image = image_at(tiny.image);
    return error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_encoder_features(encoder.get(), &image, 1, &options, out, error);
    });
  }

  TinyModels tiny;
  CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
};

TEST_F(CErrors, HaveAllFieldsOfTheCppErrorForFiles) {
  const std::string whole = read_bytes(tiny.file("pretrain"));
  write_bytes(tiny.in_scratch("cut.pth"), whole.substr(0, whole.size() / 2));
  write_bytes(tiny.in_scratch("text.pth"), "weights? here? no");
  for (const auto& [name, status] : {std::pair{"none.pth", SAPIENS_NOT_FOUND},
                                     {"cut.pth", SAPIENS_CORRUPT_FILE},
                                     {"text.pth", SAPIENS_UNSUPPORTED_FORMAT}}) {
    SCOPED_TRACE(name);
    const std::string path = tiny.in_scratch(name);
    const CError error = open_error(path);
    EXPECT_EQ(sapiens_error_status(error.get()), status);
    EXPECT_NE(std::string(sapiens_error_text(error.get())).find(path), std::string::npos);
    expect_same(error, thrown_by([&] { Checkpoint::open(path); }));
  }
}

// Opening reads no values; loading does.
TEST_F(CErrors, HaveAllFieldsOfTheCppErrorForDamagedValues) {
  const std::string path = tiny.in_scratch("damaged.pth");
  convert_checkpoint(Checkpoint::open(tiny.file("pretrain")), path, {});
  std::string bytes = read_bytes(path);
  write_bytes(path, bytes.replace(bytes.size() / 2, 64, 64, '\0'));
  const CCheckpoint damaged = open_c(path);
  const CError error = error_of<sapiens_encoder>([&](sapiens_encoder** out, sapiens_error** given) {
    return sapiens_encoder_load(damaged.get(), nullptr, nullptr, out, given);
  });
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_CORRUPT_FILE);
  expect_same(error, thrown_by([&] { Encoder(Checkpoint::open(path)); }));
}

// JSON may spell it; C would see the end of the string there.
TEST_F(CErrors, KeepKeysThatContainAZeroByte) {
  const std::string header =
      R"({"before\u0000after": {"dtype": "F32", "shape": [4], "data_offsets": [0, 12]}})";
  const std::uint64_t length = header.size();
  const std::string path = tiny.in_scratch("zero.safetensors");
  write_bytes(path, std::string(reinterpret_cast<const char*>(&length), sizeof length) + header +
                        std::string(12, 'x'));
  const CError error = open_error(path);
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_CORRUPT_FILE);
  EXPECT_STREQ(sapiens_error_key(error.get()), "before?after");
  const std::string text = sapiens_error_text(error.get());
  EXPECT_NE(text.find("before\\x00after"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with(sapiens_error_hint(error.get()))) << text;
}

TEST_F(CErrors, ContainTheReportOfARefusedCheckpoint) {
  const CCheckpoint detector = open_c(tiny.detector);
  expect_same(error_of<sapiens_encoder>([&](sapiens_encoder** out, sapiens_error** error) {
                return sapiens_encoder_load(detector.get(), nullptr, nullptr, out, error);
              }),
              thrown_by([&] { Encoder(Checkpoint::open(tiny.detector)); }));

  const CCheckpoint pretrained = open_c(tiny.file("pretrain"));
  const CError error =
      error_of<sapiens_task_model>([&](sapiens_task_model** out, sapiens_error** given) {
        return sapiens_task_model_load(pretrained.get(), nullptr, nullptr, out, given);
      });
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_CHECKPOINT_REFUSED);
  expect_same(error, thrown_by([&] { TaskModel(Checkpoint::open(tiny.file("pretrain"))); }));
  EXPECT_EQ(sapiens_error_status(
                error_of<sapiens_detector>([&](sapiens_detector** out, sapiens_error** given) {
                  return sapiens_detector_load(pretrained.get(), nullptr, out, given);
                }).get()),
            SAPIENS_CHECKPOINT_REFUSED);
}

TEST_F(CErrors, ReportATaskThatTheModelDoesNotDo) {
  const CTaskModel model = load_c_task_model(tiny.file("seg"));
  const sapiens_image image = image_at(tiny.image);
  const CError error = error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** given) {
    return sapiens_task_model_pose(model.get(), &image, nullptr, 0, nullptr, out, given);
  });
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_INVALID_ARGUMENT);
  EXPECT_STREQ(sapiens_error_actual(error.get()), "one for seg");
}

TEST_F(CErrors, ReportAModelForAnotherTaskThanExpected) {
  const CCheckpoint seg = open_c(tiny.file("seg"));
  auto options = defaults<sapiens_model_options>();
  options.expected_task = "depth";
  const CError error =
      error_of<sapiens_task_model>([&](sapiens_task_model** out, sapiens_error** given) {
        return sapiens_task_model_load(seg.get(), &options, nullptr, out, given);
      });
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_CHECKPOINT_REFUSED);
  expect_same(error, thrown_by([&] {
                TaskModel(Checkpoint::open(tiny.file("seg")), {.expected_task = Task::Depth});
              }));
}

TEST_F(CErrors, ReportBoxesThatAreInvalid) {
  const CTaskModel model = load_c_task_model(tiny.file("pose"));
  const sapiens_image image = image_at(tiny.image);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const sapiens_box& box :
       {sapiens_box{0, 0, 0, 5, 1}, sapiens_box{0, 0, -1, 5, 1}, sapiens_box{0, 0, 5, kInfinity, 1},
        sapiens_box{0, std::nanf(""), 5, 5, 1}}) {
    const CError error = error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** given) {
      return sapiens_task_model_pose(model.get(), &image, &box, 1, nullptr, out, given);
    });
    EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_INVALID_ARGUMENT);
    EXPECT_STRNE(sapiens_error_expected(error.get()), "");
  }
}

TEST_F(CErrors, ReportInputsThatAreTooSmallOrInvalid) {
  const std::vector<float> input(3 * 16 * 16, 0.0f);
  const auto status = [&](std::int64_t batch, std::int64_t height, std::int64_t width) {
    return sapiens_error_status(
        error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** error) {
          return sapiens_encoder_run(encoder.get(), input.data(), batch, height, width, nullptr,
                                     out, error);
        }).get());
  };
  EXPECT_EQ(status(1, 8, 16), SAPIENS_SHAPE_MISMATCH);
  EXPECT_EQ(status(0, 16, 16), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(status(1, -16, 16), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(status(INT64_MAX, INT64_MAX, INT64_MAX), SAPIENS_INVALID_ARGUMENT);
}

TEST_F(CErrors, ReportInstructionsThatTheCpuLacks) {
  const std::vector<std::string> levels = kernel_levels();
  if (std::find(levels.begin(), levels.end(), "amx") != levels.end()) {
    GTEST_SKIP() << "this CPU lacks nothing";
  }
  auto engine = defaults<sapiens_engine_options>();
  engine.isa = "amx";
  const CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
  EXPECT_EQ(sapiens_error_status(
                error_of<sapiens_encoder>([&](sapiens_encoder** out, sapiens_error** error) {
                  return sapiens_encoder_load(checkpoint.get(), nullptr, &engine, out, error);
                }).get()),
            SAPIENS_UNSUPPORTED_HARDWARE);
}

TEST_F(CErrors, AreToldWhenTheCallerCancels) {
  auto options = defaults<sapiens_features_options>();
  int blocks = 0;
  options.user_data = &blocks;
  options.progress = [](double, void* told) { return ++*static_cast<int*>(told) == 2 ? 1 : 0; };
  const CError error = features_error(options);
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_CANCELLED);
  EXPECT_STREQ(sapiens_error_text(error.get()),
               "[cancelled] the caller's progress function asked to stop");
  EXPECT_EQ(blocks, 2);

  // The model is as good as before, and loading can be cancelled too.
  const sapiens_image image = image_at(tiny.image);
  EXPECT_TRUE(made<CResult>([&](sapiens_result** out, sapiens_error** given) {
    return sapiens_encoder_features(encoder.get(), &image, 1, nullptr, out, given);
  }));
  auto engine = defaults<sapiens_engine_options>();
  engine.loading = [](double, void*) { return 1; };
  const CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
  EXPECT_EQ(sapiens_error_status(
                error_of<sapiens_encoder>([&](sapiens_encoder** out, sapiens_error** given) {
                  return sapiens_encoder_load(checkpoint.get(), nullptr, &engine, out, given);
                }).get()),
            SAPIENS_CANCELLED);
}

TEST_F(CErrors, StandForExceptionsOfOthersToo) {
  auto options = defaults<sapiens_features_options>();
  options.progress = [](double, void*) -> int32_t { throw std::runtime_error("from C++"); };
  CError error = features_error(options);
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_INTERNAL);
  EXPECT_STREQ(sapiens_error_summary(error.get()), "from C++");
  options.progress = [](double, void*) -> int32_t { throw 7; };
  error = features_error(options);
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_INTERNAL);
}

TEST_F(CErrors, MayBeIgnored) {
  sapiens_checkpoint* checkpoint = nullptr;
  EXPECT_EQ(sapiens_checkpoint_open("/nowhere", &checkpoint, nullptr), SAPIENS_NOT_FOUND);
  EXPECT_EQ(sapiens_checkpoint_open("/nowhere", nullptr, nullptr), SAPIENS_INVALID_ARGUMENT);
}

TEST_F(CErrors, AreGoneAfterSuccess) {
  sapiens_error* error = reinterpret_cast<sapiens_error*>(1);  // as if never set
  sapiens_checkpoint* checkpoint = nullptr;
  ASSERT_EQ(sapiens_checkpoint_open(tiny.file("pretrain").c_str(), &checkpoint, &error),
            SAPIENS_OK);
  EXPECT_EQ(error, nullptr);
  sapiens_checkpoint_free(checkpoint);
}

TEST_F(CErrors, NameTheBoxThatIsNotInTheImage) {
  const CTaskModel model = load_c_task_model(tiny.file("pose"));
  const sapiens_image image = image_at(tiny.image);
  const sapiens_box outside = {10000, 10000, 5, 5, 1}, share = {0.1f, 0.1f, 0.5f, 0.5f, 1};
  for (const sapiens_box& box : {outside, share}) {
    sapiens_error* error = nullptr;
    sapiens_result* result = nullptr;
    EXPECT_EQ(sapiens_task_model_pose(model.get(), &image, &box, 1, nullptr, &result, &error),
              SAPIENS_INVALID_ARGUMENT);
    EXPECT_STREQ(sapiens_error_key(CError(error).get()), "boxes[0]");
  }
}

TEST_F(CErrors, NameTheArgumentThatIsNull) {
  const CCheckpoint checkpoint = open_c(tiny.file("seg"));
  const CTaskModel model = load_c_task_model(tiny.file("seg"));
  const sapiens_image image = image_at(tiny.image);
  const auto expect = [](const char* key, auto call) {
    sapiens_error* given = nullptr;
    EXPECT_EQ(call(&given), SAPIENS_INVALID_ARGUMENT);
    const CError error(given);
    EXPECT_STREQ(sapiens_error_key(error.get()), key);
  };
  using E = sapiens_error**;
  sapiens_checkpoint* c = nullptr;
  sapiens_report* p = nullptr;
  sapiens_encoder* n = nullptr;
  sapiens_task_model* m = nullptr;
  sapiens_reconstructor* a = nullptr;
  sapiens_detector* d = nullptr;
  sapiens_result* r = nullptr;
  const auto* const x = &image;
  expect("path", [&](E e) { return sapiens_checkpoint_open(nullptr, &c, e); });
  expect("checkpoint", [&](E e) { return sapiens_checkpoint_open("a", nullptr, e); });
  expect("checkpoint", [&](E e) { return sapiens_checkpoint_inspect(nullptr, nullptr, &p, e); });
  expect("report",
         [&](E e) { return sapiens_checkpoint_inspect(checkpoint.get(), nullptr, nullptr, e); });
  expect("checkpoint",
         [&](E e) { return sapiens_checkpoint_convert(nullptr, "a", nullptr, nullptr, &p, e); });
  expect("output", [&](E e) {
    return sapiens_checkpoint_convert(checkpoint.get(), nullptr, nullptr, nullptr, &p, e);
  });
  expect("report", [&](E e) {
    return sapiens_checkpoint_convert(checkpoint.get(), "a", nullptr, nullptr, nullptr, e);
  });
  expect("checkpoint", [&](E e) {
    return sapiens_checkpoint_convert_to_onnx(nullptr, "a.onnx", nullptr, nullptr, &p, e);
  });
  expect("output", [&](E e) {
    return sapiens_checkpoint_convert_to_onnx(checkpoint.get(), nullptr, nullptr, nullptr, &p, e);
  });
  expect("report", [&](E e) {
    return sapiens_checkpoint_convert_to_onnx(checkpoint.get(), "a.onnx", nullptr, nullptr, nullptr,
                                              e);
  });
  expect("checkpoint", [&](E e) { return sapiens_encoder_load(nullptr, nullptr, nullptr, &n, e); });
  expect("encoder",
         [&](E e) { return sapiens_encoder_load(checkpoint.get(), nullptr, nullptr, nullptr, e); });
  expect("encoder", [&](E e) { return sapiens_encoder_report(nullptr, &p, e); });
  expect("encoder", [&](E e) { return sapiens_encoder_features(nullptr, x, 1, nullptr, &r, e); });
  expect("features",
         [&](E e) { return sapiens_encoder_features(encoder.get(), x, 1, nullptr, nullptr, e); });
  expect("input", [&](E e) {
    return sapiens_encoder_run(encoder.get(), nullptr, 1, 16, 16, nullptr, &r, e);
  });
  expect("checkpoint",
         [&](E e) { return sapiens_task_model_load(nullptr, nullptr, nullptr, &m, e); });
  expect("model", [&](E e) { return sapiens_task_model_report(nullptr, &p, e); });
  expect("model",
         [&](E e) { return sapiens_task_model_pose(nullptr, x, nullptr, 0, nullptr, &r, e); });
  expect("image", [&](E e) {
    return sapiens_task_model_pose(model.get(), nullptr, nullptr, 0, nullptr, &r, e);
  });
  expect("boxes",
         [&](E e) { return sapiens_task_model_pose(model.get(), x, nullptr, 1, nullptr, &r, e); });
  expect("results",
         [&](E e) { return sapiens_task_model_run(model.get(), x, 1, nullptr, nullptr, e); });
  expect("images",
         [&](E e) { return sapiens_task_model_run(model.get(), nullptr, 1, nullptr, &r, e); });
  expect("model", [&](E e) { return sapiens_task_model_run(nullptr, x, 1, nullptr, &r, e); });
  expect("checkpoint", [&](E e) { return sapiens_detector_load(nullptr, nullptr, &d, e); });
  expect("detector", [&](E e) { return sapiens_detector_detect(nullptr, x, nullptr, &r, e); });
  expect("checkpoint",
         [&](E e) { return sapiens_reconstructor_load(nullptr, nullptr, nullptr, &a, e); });
  expect("reconstructor", [&](E e) { return sapiens_reconstructor_report(nullptr, &p, e); });
  expect("reconstructor",
         [&](E e) { return sapiens_reconstructor_run(nullptr, x, nullptr, &r, e); });
}

TEST(CApi, AnswersForHandlesThatAreNull) {
  EXPECT_EQ(sapiens_error_status(nullptr), SAPIENS_OK);
  for (const auto accessor :
       {sapiens_error_summary, sapiens_error_file, sapiens_error_key, sapiens_error_expected,
        sapiens_error_actual, sapiens_error_hint, sapiens_error_text}) {
    EXPECT_STREQ(accessor(nullptr), "");
  }
  EXPECT_STREQ(sapiens_report_text(nullptr), "");
  EXPECT_STREQ(sapiens_report_json(nullptr), "");
  EXPECT_EQ(sapiens_report_verdict(nullptr), -1);
  EXPECT_EQ(sapiens_report_verdict_for(nullptr, nullptr), -1);
  EXPECT_EQ(sapiens_report_warning_count(nullptr), 0);
  EXPECT_STREQ(sapiens_report_warning(nullptr, 0), "");
  EXPECT_EQ(sapiens_encoder_height(nullptr), 0);
  EXPECT_EQ(sapiens_encoder_width(nullptr), 0);
  EXPECT_EQ(sapiens_encoder_is_partial(nullptr), 0);
  EXPECT_STREQ(sapiens_encoder_precision(nullptr), "");
  EXPECT_STREQ(sapiens_task_model_task(nullptr), "");
  EXPECT_EQ(sapiens_task_model_outputs(nullptr), 0);
  EXPECT_STREQ(sapiens_task_model_output_name(nullptr, 0), "");
  EXPECT_EQ(sapiens_task_model_height(nullptr), 0);
  EXPECT_EQ(sapiens_task_model_width(nullptr), 0);
  EXPECT_STREQ(sapiens_task_model_precision(nullptr), "");
  EXPECT_EQ(sapiens_reconstructor_height(nullptr), 0);
  EXPECT_EQ(sapiens_reconstructor_width(nullptr), 0);
  EXPECT_STREQ(sapiens_reconstructor_precision(nullptr), "");
  EXPECT_EQ(sapiens_result_count(nullptr), 0);
  EXPECT_EQ(sapiens_result_rank(nullptr, 0), 0);
  EXPECT_EQ(sapiens_result_shape(nullptr, 0), nullptr);
  EXPECT_EQ(sapiens_result_floats(nullptr, 0), nullptr);
  EXPECT_EQ(sapiens_result_bytes(nullptr, 0), nullptr);
  EXPECT_EQ(sapiens_result_boxes(nullptr, 0), nullptr);
  EXPECT_EQ(sapiens_result_layer(nullptr, 0), -1);
  sapiens_error_free(nullptr);
  sapiens_checkpoint_free(nullptr);
  sapiens_report_free(nullptr);
  sapiens_encoder_free(nullptr);
  sapiens_task_model_free(nullptr);
  sapiens_detector_free(nullptr);
  sapiens_reconstructor_free(nullptr);
  sapiens_result_free(nullptr);
}

TEST(CApi, NamesEveryStatus) {
  EXPECT_STREQ(sapiens_status_name(SAPIENS_OK), "ok");
  for (sapiens_status status = SAPIENS_INVALID_ARGUMENT; status <= SAPIENS_INTERNAL; ++status) {
    EXPECT_EQ(sapiens_status_name(status), error_code_name(static_cast<ErrorCode>(status - 1)));
  }
  EXPECT_STREQ(sapiens_status_name(SAPIENS_CANCELLED), "cancelled");
  EXPECT_STREQ(sapiens_status_name(SAPIENS_CANCELLED + 1), "unknown");
  EXPECT_STREQ(sapiens_status_name(-1), "unknown");
}

TEST_F(CErrors, AFileCutShortAfterItWasOpenedIsACorruptFile) {
  sapiens_guard_mapped_files();
  const std::string path = tiny.file("pretrain");
  const CCheckpoint checkpoint = open_c(path);
  std::filesystem::resize_file(path, 10'000);
  const CError error =
      error_of<sapiens_encoder>([&](sapiens_encoder** out, sapiens_error** failure) {
        return sapiens_encoder_load(checkpoint.get(), nullptr, nullptr, out, failure);
      });
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_CORRUPT_FILE);
  EXPECT_EQ(sapiens_error_file(error.get()), path);
}

}  // namespace
}  // namespace sapiens
