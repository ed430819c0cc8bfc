#include <gtest/gtest.h>

#include <sapiens/checkpoint.hpp>

#include "serve/service.hpp"
#include "support/scratch.hpp"
#include "support/stops.hpp"

// A request whose client has disconnected ends at its next check, in every step.
namespace sapiens::serve {
namespace {

constexpr Index kWidth = 40, kHeight = 60;
const char* const kTasks[] = {"features", "pose", "seg", "depth", "normal"};

/// Tiny models for all tasks.
ServerOptions options_of(const Scratch& folder) {
  ServerOptions options{.engine = {.threads = 1}};
  for (const std::string task : kTasks) {
    const std::string path = folder / (task + ".safetensors");
    synthesize_checkpoint(
        path, {.arch = "tiny", .task = task == "features" ? Task::Pretrain : parse_task(task)});
    options.models.push_back({task, path});
  }
  options.limits.look_pause = 0;
  return options;
}

class StopRequests : public testing::Test {
 protected:
  StopRequests() {
    for (std::size_t i = 0; i < image_->rgb.size(); ++i) {
      const_cast<Image&>(*image_).rgb[i] = static_cast<std::uint8_t>(i * i / 7);
    }
    const std::vector<std::byte> png = image_->encode_png();
    png_.assign(reinterpret_cast<const char*>(png.data()), png.size());
  }

  Request request_of(const std::string& task, const std::string& accept,
                     std::function<bool()> is_gone) const {
    return {.method = "POST",
            .path = "/v1/" + task,
            .remote = "test",
            .deadline = Clock::now() + std::chrono::minutes(10),
            .is_gone = std::move(is_gone),
            .header = [accept](const char* name) -> std::string {
              if (name == std::string("Accept")) return accept;
              return name == std::string("Content-Type") ? "image/png" : "";
            },
            .read_body = [this] { return Body{.bytes = png_}; }};
  }

  Scratch folder_;
  const ServerOptions options_ = options_of(folder_);
  const std::shared_ptr<const Image> image_ = std::make_shared<Image>(Image{
      .width = kWidth, .height = kHeight, .rgb = std::vector<std::uint8_t>(kWidth * kHeight * 3)});
  std::string png_;
};

TEST_F(StopRequests, StopInEveryStep) {
  Service service(options_);
  for (const std::string task : kTasks) {
    int refused = 0, status = 499;
    // Gone before the first look, the second, the fourth and so on.
    for (int last = 0; status != 200 && last < 1 << 30; last = 2 * last + 1) {
      int looks = 0;
      status = service.handle(request_of(task, "image/png", [&] { return ++looks > last; })).status;
      EXPECT_TRUE(status == 499 || status == 200) << task << ' ' << status;
      refused += status == 499;
    }
    EXPECT_EQ(status, 200) << task;
    EXPECT_GE(refused, 6) << task;  // 60 rows are decoded and drawn
  }
}

TEST_F(StopRequests, StopWhenTheyAreLate) {
  Service service(options_);
  for (const std::string task : kTasks) {
    Request request = request_of(task, "application/json", {});
    request.deadline = Clock::now();
    EXPECT_EQ(service.handle(request).status, 504) << task;
  }
}

TEST_F(StopRequests, StopWhileTheImageIsPreparedAndTheAnswerMade) {
  const Models models(options_);
  for (const std::string task : kTasks) {
    SCOPED_TRACE(task);
    const Models::Entry& entry = models.choose("", find_operation("/v1/" + task)->task);
    Prepared prepared;
    expect_stops(
        [&](const StopCheck& check) { prepared = entry.model->prepare(image_, {}, {}, check); },
        task == "features" ? static_cast<int>(kHeight) : 1);  // others read few pixels
    const Prepared* const requests[] = {&prepared};
    Computed computed{.output = std::move(entry.model->run(requests, 1, [] {}).outputs.front())};
    const Operation& operation = *find_operation("/v1/" + task);
    const Fields fields(operation);
    const Answered answered{.operation = operation,
                            .entry = entry,
                            .fields = fields,
                            .image = *image_,
                            .settings = prepared.settings,
                            .computed = computed};
    for (const std::string_view type : operation.types()) {
      SCOPED_TRACE(type);
      expect_stops([&](const StopCheck& check) { make_answer(answered, type, check); },
                   type == "image/png" ? static_cast<int>(kHeight) : 1);
    }
  }
}

TEST_F(StopRequests, StopBetweenTwoOfManyPersons) {
  const Models models(options_);
  const Models::Entry& entry = models.choose("", Task::Pose);
  const std::vector<Box> persons(5, Box{.x = 1, .y = 1, .width = 20, .height = 30});
  const Prepared prepared = entry.model->prepare(image_, persons, {}, [] {});
  const Prepared* const requests[] = {&prepared};
  expect_stops([&](const StopCheck& check) { entry.model->run(requests, 1, check); }, 5);
}

TEST(WantedCheck, LooksNoMoreOftenThanItIsToldTo) {
  int looks = 0;
  const Request request{.method = "GET",
                        .path = "/",
                        .remote = "test",
                        .deadline = Clock::now() + std::chrono::minutes(10),
                        .is_gone = [&] { return ++looks > 0; }};
  const Limits rare{.look_pause = 1000}, always{.look_pause = 0};
  const StopCheck patient = wanted_check(request, rare);
  for (int i = 0; i < 100; ++i) patient();
  EXPECT_EQ(looks, 0);
  EXPECT_THROW(wanted_check(request, always)(), HttpError);
  EXPECT_EQ(looks, 1);
}

}  // namespace
}  // namespace sapiens::serve
