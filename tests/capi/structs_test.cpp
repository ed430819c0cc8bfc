#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "capi/support.hpp"

// Structs of older and newer headers than the library's.
namespace sapiens {
namespace {

class CStructs : public testing::Test {
 protected:
  sapiens_status inspect(const sapiens_model_options* options) {
    sapiens_report* report = nullptr;
    const sapiens_status status =
        sapiens_checkpoint_inspect(checkpoint.get(), options, &report, nullptr);
    sapiens_report_free(report);
    return status;
  }

  TinyModels tiny;
  CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
};

TEST_F(CStructs, StructsOfAnOlderHeaderGetDefaultsForMissingFields) {
  // Simulates a header without `heads` and all later fields, whose memory then belongs to the
  // caller.
  auto options = defaults<sapiens_model_options>();
  options.struct_size = offsetof(sapiens_model_options, heads);
  options.task = "pretrain";
  options.heads = -77;
  options.allow_partial = -77;
  EXPECT_EQ(inspect(&options), SAPIENS_OK);
  options.task = "pose";
  EXPECT_EQ(inspect(&options), SAPIENS_OK);  // a misfit is a verdict
  options.struct_size = sizeof options;
  EXPECT_EQ(inspect(&options), SAPIENS_INVALID_ARGUMENT);
  options.struct_size = sizeof options.struct_size;
  EXPECT_EQ(inspect(&options), SAPIENS_OK);
}

TEST_F(CStructs, StructsOfANewerHeaderAreAcceptedIfNewFieldsAreZero) {
  struct Newer {
    sapiens_model_options known;
    std::int64_t added;
    std::int8_t last;
  } newer = {};
  newer.known.struct_size = sizeof newer;
  EXPECT_EQ(inspect(&newer.known), SAPIENS_OK);
  newer.last = 1;
  EXPECT_EQ(inspect(&newer.known), SAPIENS_INVALID_ARGUMENT);
  newer.last = 0;
  newer.added = 1;
  EXPECT_EQ(inspect(&newer.known), SAPIENS_INVALID_ARGUMENT);
}

TEST_F(CStructs, StructsWithoutASizeAreRefused) {
  auto options = defaults<sapiens_model_options>();
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, sizeof options - 1,
                                 std::size_t{4104}, static_cast<std::size_t>(-8)}) {
    options.struct_size = size;
    EXPECT_EQ(inspect(&options), SAPIENS_INVALID_ARGUMENT) << size;
  }
}

TEST_F(CStructs, MeanTheDefaultsWhereTheyAreMissing) { EXPECT_EQ(inspect(nullptr), SAPIENS_OK); }

TEST_F(CStructs, StructsWithInvalidNumbersAreRefused) {
  const auto refused = [&](auto set) {
    auto options = defaults<sapiens_model_options>();
    set(options);
    return inspect(&options);
  };
  using Options = sapiens_model_options;
  EXPECT_EQ(refused([](Options& o) { o.heads = -1; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.decoder_heads = -1; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.grid_height = 8; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.input_width = 64; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.patch_padding = 1; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.allow_partial = 2; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.arch = "0.4b"; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.prefix = "encoder_q"; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.prefix = "."; }), SAPIENS_OK);
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(refused([](Options& o) { o.heads = kHuge; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.grid_height = o.grid_width = kHuge; }),
            SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Options& o) { o.input_height = o.input_width = kHuge; }),
            SAPIENS_INVALID_ARGUMENT);
}

TEST_F(CStructs, StructsWithUnknownEnumeratorsAreRefused) {
  const auto engine_refused = [&](auto set) {
    auto engine = defaults<sapiens_engine_options>();
    set(engine);
    return sapiens_error_status(
        error_of<sapiens_encoder>([&](sapiens_encoder** out, sapiens_error** error) {
          return sapiens_encoder_load(checkpoint.get(), nullptr, &engine, out, error);
        }).get());
  };
  using Engine = sapiens_engine_options;
  EXPECT_EQ(engine_refused([](Engine& e) { e.precision = 4; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(engine_refused([](Engine& e) { e.threads = -1; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(engine_refused([](Engine& e) { e.threads = 1025; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(engine_refused([](Engine& e) { e.isa = "mmx"; }), SAPIENS_INVALID_ARGUMENT);

  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  const sapiens_image image = image_at(tiny.image);
  const auto features_refused = [&](auto set) {
    auto options = defaults<sapiens_features_options>();
    set(options);
    return sapiens_error_status(
        error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** error) {
          return sapiens_encoder_features(encoder.get(), &image, 1, &options, out, error);
        }).get());
  };
  using Features = sapiens_features_options;
  static constexpr std::int64_t kNoBlock = 3;
  EXPECT_EQ(features_refused([](Features& f) { f.out_type = 5; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.preprocess = 2; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.out_type_count = 1; }), SAPIENS_INVALID_ARGUMENT);
  static constexpr std::int32_t kRawTwice[] = {SAPIENS_RAW, SAPIENS_RAW};
  EXPECT_EQ(features_refused([](Features& f) {
              f.out_types = kRawTwice;
              f.out_type_count = 2;
            }),
            SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) {
              f.out_types = kRawTwice;
              f.out_type_count = 1;
              f.out_type = SAPIENS_RAW;
            }),
            SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.norm_layers = -1; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.reserved = 1; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.layer_count = 1; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.height = 64; }), SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.height = f.width = INT64_C(1) << 40; }),
            SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(features_refused([](Features& f) { f.height = f.width = 8; }), SAPIENS_SHAPE_MISMATCH);
  EXPECT_EQ(features_refused([](Features& f) {
              f.layers = &kNoBlock;
              f.layer_count = 1;
            }),
            SAPIENS_INVALID_ARGUMENT);
}

TEST_F(CStructs, StructsWithInvalidDetectionsAreRefused) {
  const CCheckpoint file = open_c(tiny.detector);
  const auto detector = made<CDetector>([&](sapiens_detector** out, sapiens_error** error) {
    return sapiens_detector_load(file.get(), nullptr, out, error);
  });
  const sapiens_image image = image_at(tiny.image);
  const auto refused = [&](auto set) {
    auto options = defaults<sapiens_detect_options>();
    set(options);
    return sapiens_error_status(
        error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** error) {
          return sapiens_detector_detect(detector.get(), &image, &options, out, error);
        }).get());
  };
  using Options = sapiens_detect_options;
  for (const float number : {-0.1f, 1.1f, std::nanf("")}) {
    EXPECT_EQ(refused([&](Options& o) { o.min_score = number; }), SAPIENS_INVALID_ARGUMENT);
    EXPECT_EQ(refused([&](Options& o) { o.nms_iou = number; }), SAPIENS_INVALID_ARGUMENT);
  }
  EXPECT_EQ(refused([](Options& o) { o.max_detections = -1; }), SAPIENS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace sapiens
