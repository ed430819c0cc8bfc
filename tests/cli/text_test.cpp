#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "cli/run/meter.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

TEST(Text, ShowsSizesAndTimesAsPeopleSayThem) {
  EXPECT_EQ(bytes_text(12), "12 bytes");
  EXPECT_EQ(bytes_text(1'230'000'000), "1.23 GB");
  EXPECT_EQ(seconds_text(0.02), "20.0 ms");
  EXPECT_EQ(seconds_text(200), "3 min 20 s");
  EXPECT_EQ(seconds_text(7500), "2 h 5 min");
  EXPECT_EQ(dims_text(std::vector<Index>{1024, 64, 64}), "1024x64x64");
}

TEST(Meter, SpellsItsTitleOutOnATerminal) {
  testing::internal::CaptureStderr();
  {
    Meter meter("a\x1b]0;pwned\x07\n.mp4", 10, true);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    meter.update(1);
  }
  const std::string drawn = testing::internal::GetCapturedStderr();
  const std::string clear = "\r\x1b[K";
  EXPECT_EQ(drawn.find(clear + "a\\x1b]0;pwned\\x07\\n.mp4 ["), 0) << drawn;
  EXPECT_EQ(drawn.find('\x1b', clear.size()), drawn.size() - clear.size() + 1) << drawn;
}

TEST(Meter, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(meter_text(3, 12, 6), "[######                  ]  25% 3/12  2.0 s each  18 s left");
  EXPECT_EQ(meter_text(12, 12, 6), "[########################] 100% 12/12  2.0/s");
  EXPECT_EQ(meter_text(0, 12, 0), "[                        ]   0% 0/12");
}

TEST(Meter, MovesWithinAnItemAndCountsNoSingleOne) {
  EXPECT_EQ(meter_text(1.5, 3, 3), "[############            ]  50% 1/3  2.0 s each  3.0 s left");
  EXPECT_EQ(meter_text(0.25, 1, 5), "[######                  ]  25%  15 s left");
}

TEST(Meter, CountsWhereTheTotalIsUnknown) {
  EXPECT_EQ(meter_text(0, 0, 1), "0");
  EXPECT_EQ(meter_text(6.5, 0, 2), "6  3.2/s");
}

TEST(Meter, RateCountsOnlyBytesSinceTheStart) {
  constexpr double kMB = 1e6;
  EXPECT_EQ(bytes_meter_text(500 * kMB, 400 * kMB, 1'000'000'000, 10),
            "[############            ]  50% of 1.00 GB  10 MB/s  50 s left");
  EXPECT_EQ(bytes_meter_text(400 * kMB, 400 * kMB, 1'000'000'000, 0),
            "[#########               ]  40% of 1.00 GB");
  EXPECT_EQ(bytes_meter_text(20 * kMB, 0, 0, 10), "20 MB  2.0 MB/s");
}

TEST(ErrorJson, LeavesOutWhatIsNotKnown) {
  const Error error(ErrorCode::NotFound, {.summary = "no such file", .file = "a.pth"});
  EXPECT_EQ(error_json(error).dump(),
            R"({"code":"not-found","summary":"no such file","file":"a.pth"})");
}

}  // namespace
}  // namespace sapiens::cli
