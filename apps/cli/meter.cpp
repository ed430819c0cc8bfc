#include "meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "messages.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

constexpr Index kBarWidth = 24;
constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::chrono::seconds kPlainLine{5};

}  // namespace

std::string meter_text(Index done, Index total, double seconds) {
  const Index filled = total > 0 ? kBarWidth * done / total : 0;
  std::string text = fmt::format("[{:#<{}}{:{}}] {:>3}% {}/{}", "", filled, "", kBarWidth - filled,
                                 total > 0 ? 100 * done / total : 0, done, total);
  if (done > 0 && seconds > 0) {
    const double each = seconds / static_cast<double>(done);
    text += each < 1 ? fmt::format("  {:.1f}/s", 1 / each)
                     : fmt::format("  {} each", seconds_text(each));
    if (done < total) {
      text += fmt::format("  {} left", seconds_text(each * static_cast<double>(total - done)));
    }
  }
  return text;
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO) != 0; }

Meter::Meter(std::string title, Index total, bool terminal)
    : title_(std::move(title)), total_(total), terminal_(terminal) {}

void Meter::update(Index done) {
  const Clock::time_point now = Clock::now();
  const auto pause = terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine);
  if (now - last_ < pause) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string text = title_ + " " + meter_text(done, total_, seconds);
  if (terminal_) {
    fmt::print(stderr, "\r\x1b[K{}", text);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    say(text);
  }
}

void Meter::message(std::string_view text) {
  clear();
  say(text);
}

void Meter::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace sapiens::cli
