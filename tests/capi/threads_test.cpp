#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "capi/support.hpp"

namespace sapiens {
namespace {

TEST(CThreads, ComputeOnOneModelAndGetTheSameBytes) {
  TinyModels tiny;
  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  const CTaskModel model = load_c_task_model(tiny.file("depth"));
  const sapiens_image image = image_at(tiny.image);
  const auto features = [&] {
    return floats_of(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_encoder_features(encoder.get(), &image, 1, nullptr, out, error);
    }));
  };
  const auto depth = [&] {
    return floats_of(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_task_model_run(model.get(), &image, 1, nullptr, out, error);
    }));
  };
  const std::vector<float> expected_features = features(), expected_depth = depth();

  std::atomic<int> different = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        if (features() != expected_features) ++different;
        if (depth() != expected_depth) ++different;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
}

TEST(CThreads, LookAtAModelWhileItComputes) {
  TinyModels tiny;
  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  const sapiens_image image = image_at(tiny.image);
  std::atomic<bool> computing = true;
  std::thread other([&] {
    while (computing) {
      EXPECT_GT(sapiens_encoder_height(encoder.get()) * sapiens_encoder_width(encoder.get()), 0);
      EXPECT_EQ(sapiens_encoder_is_partial(encoder.get()), 0);
      EXPECT_STRNE(sapiens_encoder_precision(encoder.get()), "");
      EXPECT_TRUE(made<CReport>([&](sapiens_report** out, sapiens_error** error) {
        return sapiens_encoder_report(encoder.get(), out, error);
      }));
    }
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_encoder_features(encoder.get(), &image, 1, nullptr, out, error);
    }));
  }
  computing = false;
  other.join();
}

TEST(CThreads, InspectAndLoadFromOneCheckpoint) {
  TinyModels tiny;
  const CCheckpoint checkpoint = open_c(tiny.file("pose"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      EXPECT_TRUE(made<CReport>([&](sapiens_report** out, sapiens_error** error) {
        return sapiens_checkpoint_inspect(checkpoint.get(), nullptr, out, error);
      }));
      EXPECT_TRUE(made<CTaskModel>([&](sapiens_task_model** out, sapiens_error** error) {
        return sapiens_task_model_load(checkpoint.get(), nullptr, nullptr, out, error);
      }));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// It would wait for itself for ever.
TEST(CThreads, AProgressFunctionMayNotComputeWithItsModel) {
  TinyModels tiny;
  const CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  const sapiens_image image = image_at(tiny.image);
  struct Context {
    sapiens_encoder* encoder;
    const sapiens_image* image;
    sapiens_status status = SAPIENS_OK;
  } context{encoder.get(), &image};
  auto options = defaults<sapiens_features_options>();
  options.user_data = &context;
  options.progress = [](double, void* data) {
    auto& of = *static_cast<Context*>(data);
    sapiens_result* result = nullptr;
    of.status = sapiens_encoder_features(of.encoder, of.image, 1, nullptr, &result, nullptr);
    return 0;
  };
  EXPECT_TRUE(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
    return sapiens_encoder_features(encoder.get(), &image, 1, &options, out, error);
  }));
  EXPECT_EQ(context.status, SAPIENS_INVALID_ARGUMENT);
}

// Its threads are in the parent: waiting for them, or freeing them, would never end.
TEST(CThreads, AModelRefusesToComputeInAForkedProcessAndIsFreedThere) {
  TinyModels tiny;
  auto engine = defaults<sapiens_engine_options>();
  engine.threads = 4;
  CEncoder encoder = load_c_encoder(tiny.file("pretrain"), &engine);
  const sapiens_image image = image_at(tiny.image);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    sapiens_result* result = nullptr;
    const sapiens_status status =
        sapiens_encoder_features(encoder.get(), &image, 1, nullptr, &result, nullptr);
    const bool knows_its_size = sapiens_encoder_height(encoder.get()) > 0;
    encoder.reset();
    _exit(status == SAPIENS_INVALID_ARGUMENT && knows_its_size ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(made<CResult>([&](sapiens_result** out, sapiens_error** error) {
    return sapiens_encoder_features(encoder.get(), &image, 1, nullptr, out, error);
  }));
}

}  // namespace
}  // namespace sapiens
