#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>

#include "capi/support.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/features.hpp"
#include "sapiens/tasks.hpp"
#include "sapiens/verify.hpp"
#include "sapiens/version.hpp"

extern "C" const char* version_in_c(void);

// Through the interface of C come the same bytes as through that of C++.
namespace sapiens {
namespace {

TEST(CApi, TellsTheVersionOfTheProject) { EXPECT_STREQ(version_in_c(), SAPIENS_VERSION); }

TEST(CApi, InspectsWithTheSameTextAndJson) {
  TinyModels tiny;
  const std::string path = tiny.file("pose");
  const Inspection expected = Checkpoint::open(path).inspect();
  const CCheckpoint checkpoint = open_c(path);
  const auto report = made<CReport>([&](sapiens_report** out, sapiens_error** error) {
    return sapiens_checkpoint_inspect(checkpoint.get(), nullptr, out, error);
  });
  EXPECT_EQ(sapiens_report_text(report.get()), expected.text());
  EXPECT_EQ(sapiens_report_json(report.get()), expected.json());
  EXPECT_EQ(sapiens_report_verdict(report.get()), static_cast<int>(expected.report.verdict));
  for (const UseVerdict& use : expected.uses) {
    EXPECT_EQ(sapiens_report_verdict_for(report.get(), std::string(use_name(use.use)).c_str()),
              static_cast<int>(use.verdict))
        << use_name(use.use);
  }
  EXPECT_EQ(sapiens_report_verdict_for(report.get(), "flying"), -1);
}

void expect_same(const CResult& actual, const std::vector<LayerFeatures>& expected) {
  ASSERT_EQ(sapiens_result_count(actual.get()), std::ssize(expected));
  for (std::int64_t i = 0; i < std::ssize(expected); ++i) {
    const LayerFeatures& layer = expected[static_cast<std::size_t>(i)];
    EXPECT_EQ(sapiens_result_layer(actual.get(), i), layer.layer);
    EXPECT_EQ(sapiens_result_out_type(actual.get(), i), static_cast<int>(layer.out_type));
    EXPECT_EQ(shape_of(actual, i), layer.values.shape);
    EXPECT_EQ(floats_of(actual, i), layer.values.values);
    EXPECT_EQ(sapiens_result_bytes(actual.get(), i), nullptr);
  }
}

TEST(CApi, GivesTheSameFeaturesOfEveryKind) {
  TinyModels tiny;
  Encoder expected(Checkpoint::open(tiny.file("pretrain")));
  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  EXPECT_EQ(sapiens_encoder_height(encoder.get()), expected.input_size().height);
  EXPECT_EQ(sapiens_encoder_width(encoder.get()), expected.input_size().width);
  EXPECT_EQ(sapiens_encoder_precision(encoder.get()), expected.stats().precision);
  EXPECT_EQ(sapiens_encoder_is_partial(encoder.get()), 0);
  const Image image = Image::read(tiny.image);
  const sapiens_image given = image_at(tiny.image);
  const std::vector<std::int64_t> layers = {-1, 0};
  for (const int type : {SAPIENS_FEATMAP, SAPIENS_RAW, SAPIENS_CLS_TOKEN, SAPIENS_AVG_FEATMAP}) {
    for (const int norm : {0, 1}) {
      SCOPED_TRACE(testing::Message() << type << " " << norm);
      auto options = defaults<sapiens_features_options>();
      options.out_type = type;
      options.layers = layers.data();
      options.layer_count = layers.size();
      options.norm_layers = norm;
      const auto actual = made<CResult>([&](sapiens_result** out, sapiens_error** error) {
        return sapiens_encoder_features(encoder.get(), &given, 1, &options, out, error);
      });
      expect_same(actual, expected
                              .run(image, {.out_types = {static_cast<OutType>(type)},
                                           .layers = layers,
                                           .norm_layers = norm == 1})
                              .layers);
    }
  }
}

TEST(CApi, GivesSeveralFormsFromOnePass) {
  TinyModels tiny;
  Encoder expected(Checkpoint::open(tiny.file("pretrain")));
  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  const sapiens_image given = image_at(tiny.image);
  const std::vector<std::int64_t> layers = {0, 1};
  const std::array<std::int32_t, 2> types = {SAPIENS_CLS_TOKEN, SAPIENS_FEATMAP};
  auto options = defaults<sapiens_features_options>();
  options.layers = layers.data();
  options.layer_count = layers.size();
  options.out_types = types.data();
  options.out_type_count = types.size();
  const auto actual = made<CResult>([&](sapiens_result** out, sapiens_error** error) {
    return sapiens_encoder_features(encoder.get(), &given, 1, &options, out, error);
  });
  expect_same(actual,
              expected
                  .run(Image::read(tiny.image),
                       {.out_types = {OutType::ClsToken, OutType::Featmap}, .layers = layers})
                  .layers);
  EXPECT_EQ(sapiens_result_out_type(actual.get(), 4), -1);
  EXPECT_EQ(sapiens_result_out_type(nullptr, 0), -1);
}

TEST(CApi, GivesTheSameFeaturesOfSapiens2) {
  const std::string path = SAPIENS_TEST_DATA "/golden/sapiens2_names/plain.safetensors";
  TinyModels tiny;
  Encoder expected(Checkpoint::open(path), {.input_size = Grid{64, 48}});
  auto model = defaults<sapiens_model_options>();
  model.input_height = 64;
  model.input_width = 48;
  const CCheckpoint checkpoint = open_c(path);
  const auto encoder = made<CEncoder>([&](sapiens_encoder** out, sapiens_error** error) {
    return sapiens_encoder_load(checkpoint.get(), &model, nullptr, out, error);
  });
  const sapiens_image given = image_at(tiny.image);
  for (const OutType type : kAllOutTypes) {
    SCOPED_TRACE(out_type_name(type));
    auto options = defaults<sapiens_features_options>();
    options.out_type = static_cast<int>(type);
    expect_same(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
                  return sapiens_encoder_features(encoder.get(), &given, 1, &options, out, error);
                }),
                expected.run(Image::read(tiny.image), {.out_types = {type}}).layers);
  }
  auto lite = defaults<sapiens_features_options>();
  lite.preprocess = SAPIENS_PREPROCESS_LITE;
  const CError error = error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** failed) {
    return sapiens_encoder_features(encoder.get(), &given, 1, &lite, out, failed);
  });
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_INVALID_ARGUMENT);
  EXPECT_STREQ(sapiens_error_key(error.get()), "preprocess");
}

TEST(CApi, GivesTheSameFeaturesOfImagesOfAnotherSizeTogether) {
  TinyModels tiny;
  Encoder cpp_encoder(Checkpoint::open(tiny.file("pretrain")));
  FloatArray input =
      cpp_encoder.preprocess(Image::read(tiny.image), PreprocessMode::Lite, Grid{96, 64});
  const FloatArray second =
      cpp_encoder.preprocess(Image::read(tiny.other_image), PreprocessMode::Lite, Grid{96, 64});
  input.shape.insert(input.shape.begin(), 2);
  input.values.insert(input.values.end(), second.values.begin(), second.values.end());
  const auto expected = cpp_encoder.run(input.view<4>()).layers;

  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  const std::array images = {image_at(tiny.image), image_at(tiny.other_image)};
  auto options = defaults<sapiens_features_options>();
  options.preprocess = SAPIENS_PREPROCESS_LITE;
  options.height = 96;
  options.width = 64;
  expect_same(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
                return sapiens_encoder_features(encoder.get(), images.data(), 2, &options, out,
                                                error);
              }),
              expected);
  expect_same(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
                return sapiens_encoder_run(encoder.get(), input.values.data(), 2, 96, 64, nullptr,
                                           out, error);
              }),
              expected);
}

TEST(CApi, LoadsWithTheOptionsOfModelAndEngine) {
  TinyModels tiny;
  auto model = defaults<sapiens_model_options>();
  model.task = "pretrain";
  model.heads = 2;
  model.input_height = 64;
  model.input_width = 96;
  model.patch_padding = 2;
  auto engine = defaults<sapiens_engine_options>();
  engine.threads = 1;
  engine.isa = "reference";
  engine.precision = SAPIENS_PRECISION_INT8;
  int told = 0;
  engine.user_data = &told;
  engine.loading = [](double, void* count) { return ++*static_cast<int*>(count), 0; };
  const CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
  const auto encoder = made<CEncoder>([&](sapiens_encoder** out, sapiens_error** error) {
    return sapiens_encoder_load(checkpoint.get(), &model, &engine, out, error);
  });
  EXPECT_GT(told, 0);
  EXPECT_STREQ(sapiens_encoder_precision(encoder.get()), "int8");
  EXPECT_EQ(sapiens_encoder_height(encoder.get()), 64);
  EXPECT_EQ(sapiens_encoder_width(encoder.get()), 96);

  Encoder expected(Checkpoint::open(tiny.file("pretrain")),
                   {.heads = 2, .input_size = Grid{64, 96}, .patch_padding = 2},
                   {.threads = 1, .isa = "reference", .precision = Precision::Int8});
  const auto report = made<CReport>([&](sapiens_report** out, sapiens_error** error) {
    return sapiens_encoder_report(encoder.get(), out, error);
  });
  EXPECT_EQ(sapiens_report_text(report.get()), expected.inspection().text());
  const sapiens_image image = image_at(tiny.image);
  expect_same(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
                return sapiens_encoder_features(encoder.get(), &image, 1, nullptr, out, error);
              }),
              expected.run(Image::read(tiny.image)).layers);
}

TEST(CApi, TellsThatWeightsAreNotWhatTheyShouldBe) {
  TinyModels tiny;
  const std::string path = tiny.in_scratch("nan.safetensors");
  convert_checkpoint(Checkpoint::open(tiny.file("pretrain")), path, {});
  std::string bytes = read_bytes(path);
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + bytes.size() - sizeof kNan, &kNan, sizeof kNan);  // the last weight
  write_bytes(path, bytes);

  const CCheckpoint checkpoint = open_c(path);
  auto options = defaults<sapiens_model_options>();
  const auto load = [&](sapiens_encoder** out, sapiens_error** error) {
    return sapiens_encoder_load(checkpoint.get(), &options, nullptr, out, error);
  };
  EXPECT_EQ(sapiens_error_status(error_of<sapiens_encoder>(load).get()),
            SAPIENS_CHECKPOINT_REFUSED);
  options.allow_partial = 1;
  EXPECT_EQ(sapiens_encoder_is_partial(made<CEncoder>(load).get()), 1);
}

void expect_same(const CResult& actual, const std::vector<Pose>& expected) {
  const std::vector<float> numbers = floats_of(actual);
  const std::size_t points = expected.at(0).keypoints.size();
  EXPECT_EQ(shape_of(actual),
            (std::vector<Index>{std::ssize(expected), static_cast<Index>(points), 3}));
  ASSERT_EQ(numbers.size(), expected.size() * points * 3);
  for (std::size_t p = 0; p < expected.size(); ++p) {
    for (std::size_t k = 0; k < points; ++k) {
      const Keypoint& point = expected[p].keypoints[k];
      const float* const found = &numbers[(p * points + k) * 3];
      EXPECT_EQ(found[0], point.x);
      EXPECT_EQ(found[1], point.y);
      EXPECT_EQ(found[2], point.score);
    }
  }
}

TEST(CApi, VerifiesTheChecksumsOfValues) {
  TinyModels tiny;
  const auto verify = [](const std::string& file) {
    const CCheckpoint checkpoint = open_c(file);
    return made<CReport>([&](sapiens_report** out, sapiens_error** error) {
      return sapiens_checkpoint_verify(checkpoint.get(), nullptr, out, error);
    });
  };
  const std::string file = tiny.file("pretrain");
  EXPECT_EQ(sapiens_report_warning_count(verify(file).get()), 0);
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(file) / 2);
  const int byte = bytes.seekg(middle).get();
  bytes.seekp(middle).put(static_cast<char>(byte ^ 1));
  bytes.close();
  const CReport damaged = verify(file);
  ASSERT_EQ(sapiens_report_warning_count(damaged.get()), 1);
  const Checkpoint expected = Checkpoint::open(file);
  const Verification found = verify_checkpoint(expected);
  EXPECT_EQ(sapiens_report_warning(damaged.get(), 0), damage_of(found).front());
  EXPECT_EQ(sapiens_report_text(damaged.get()), inspect_verified(expected, {}, found).text());
}

TEST(CApi, FindsTheSameKeypointsWithAndWithoutBoxes) {
  TinyModels tiny;
  TaskModel expected(Checkpoint::open(tiny.file("pose")));
  const CTaskModel model = load_c_task_model(tiny.file("pose"));
  EXPECT_STREQ(sapiens_task_model_task(model.get()), "pose");
  EXPECT_EQ(sapiens_task_model_outputs(model.get()), expected.outputs());
  EXPECT_EQ(sapiens_task_model_output_name(model.get(), 0), expected.output_names().at(0));
  EXPECT_STREQ(sapiens_task_model_output_name(model.get(), expected.outputs()), "");
  EXPECT_STREQ(sapiens_task_model_output_name(model.get(), -1), "");
  EXPECT_EQ(sapiens_task_model_height(model.get()), expected.input_size().height);
  EXPECT_EQ(sapiens_task_model_width(model.get()), expected.input_size().width);
  EXPECT_EQ(sapiens_task_model_precision(model.get()), expected.stats().precision);

  const Image image = Image::read(tiny.image);
  const sapiens_image given = image_at(tiny.image);
  const std::vector<sapiens_box> boxes = {{10, 5, 60, 90, 1}, {40.5f, 20, 80, 70, 0.5f}};
  for (const int without : {0, 1}) {
    auto options = defaults<sapiens_task_options>();
    options.no_flip_test = without;
    const auto pose = [&](const sapiens_box* of, std::size_t count) {
      return made<CResult>([&](sapiens_result** out, sapiens_error** error) {
        return sapiens_task_model_pose(model.get(), &given, of, count, &options, out, error);
      });
    };
    const std::vector<Box> persons = {{10, 5, 60, 90, 1}, {40.5f, 20, 80, 70, 0.5f}};
    expect_same(pose(boxes.data(), 2),
                results_as<Pose>(expected.run(image, persons, {.flip_test = !without})));
    const auto whole_image = results_as<Pose>(expected.run(image, {}, {.flip_test = !without}));
    expect_same(pose(nullptr, 0), whole_image);
    expect_same(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
                  return sapiens_task_model_run(model.get(), &given, 1, &options, out, error);
                }),
                whole_image);
  }
}

// Two images of different sizes together.
CResult run(const CTaskModel& model, const TinyModels& tiny) {
  const std::array images = {image_at(tiny.image), image_at(tiny.other_image)};
  return made<CResult>([&](sapiens_result** out, sapiens_error** error) {
    return sapiens_task_model_run(model.get(), images.data(), images.size(), nullptr, out, error);
  });
}

TEST(CApi, FindsTheSameClasses) {
  TinyModels tiny;
  TaskModel expected(Checkpoint::open(tiny.file("seg")));
  const CTaskModel model = load_c_task_model(tiny.file("seg"));
  const CResult actual = run(model, tiny);
  ASSERT_EQ(sapiens_result_count(actual.get()), 2);
  for (const int i : {0, 1}) {
    const Image image = Image::read(i == 0 ? tiny.image : tiny.other_image);
    const auto one = result_as<Segmentation>(expected.run(image));
    EXPECT_EQ(shape_of(actual, i), (std::vector<Index>{one.height, one.width}));
    EXPECT_EQ(std::memcmp(sapiens_result_bytes(actual.get(), i), one.ids.data(), one.ids.size()),
              0);
    EXPECT_EQ(sapiens_result_floats(actual.get(), i), nullptr);
    EXPECT_EQ(sapiens_result_layer(actual.get(), i), -1);
  }
}

TEST(CApi, FindsTheSameDepthAndNormals) {
  TinyModels tiny;
  for (const std::string task : {"depth", "normal"}) {
    SCOPED_TRACE(task);
    TaskModel expected(Checkpoint::open(tiny.file(task)));
    const CTaskModel model = load_c_task_model(tiny.file(task));
    const CResult actual = run(model, tiny);
    ASSERT_EQ(sapiens_result_count(actual.get()), 2);
    for (const int i : {0, 1}) {
      const Image image = Image::read(i == 0 ? tiny.image : tiny.other_image);
      TaskRun run = expected.run(image);
      const FloatArray& one = *map_of(run.results.front());
      EXPECT_EQ(shape_of(actual, i), one.shape);
      EXPECT_EQ(floats_of(actual, i), one.values);
    }
  }
}

TEST(CApi, DetectsTheSamePersonsAndHandsThemToPose) {
  TinyModels tiny;
  const auto persons =
      PersonDetector(Checkpoint::open(tiny.detector))
          .detect(Image::read(tiny.other_image), {.min_score = 0.1f, .max_detections = 2})
          .persons;
  ASSERT_FALSE(persons.empty());
  const CCheckpoint checkpoint = open_c(tiny.detector);
  const auto detector = made<CDetector>([&](sapiens_detector** out, sapiens_error** error) {
    return sapiens_detector_load(checkpoint.get(), nullptr, out, error);
  });
  auto options = defaults<sapiens_detect_options>();
  options.min_score = 0.1f;
  options.max_detections = 2;
  const sapiens_image image = image_at(tiny.other_image);
  const auto found = made<CResult>([&](sapiens_result** out, sapiens_error** error) {
    return sapiens_detector_detect(detector.get(), &image, &options, out, error);
  });
  ASSERT_EQ(shape_of(found), (std::vector<Index>{std::ssize(persons)}));
  const sapiens_box* const boxes = sapiens_result_boxes(found.get(), 0);
  for (std::size_t i = 0; i < persons.size(); ++i) {
    EXPECT_EQ(boxes[i].x, persons[i].x);
    EXPECT_EQ(boxes[i].y, persons[i].y);
    EXPECT_EQ(boxes[i].width, persons[i].width);
    EXPECT_EQ(boxes[i].height, persons[i].height);
    EXPECT_EQ(boxes[i].score, persons[i].score);
  }
  const CTaskModel model = load_c_task_model(tiny.file("pose"));
  expect_same(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
                return sapiens_task_model_pose(model.get(), &image, boxes, persons.size(), nullptr,
                                               out, error);
              }),
              results_as<Pose>(TaskModel(Checkpoint::open(tiny.file("pose")))
                                   .run(Image::read(tiny.other_image), persons)));
}

}  // namespace
}  // namespace sapiens
