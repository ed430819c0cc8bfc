#include "meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "messages.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

constexpr Index kBarWidth = 24;
constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::chrono::seconds kPlainLine{5};

}  // namespace

std::string meter_text(double done, Index total, double seconds) {
  const double share = total > 0 ? done / static_cast<double>(total) : 0;
  const auto filled = static_cast<Index>(static_cast<double>(kBarWidth) * share);
  std::string text;
  if (total > 0) {
    text = fmt::format("[{:#<{}}{:{}}] {:>3.0f}%", "", filled, "", kBarWidth - filled,
                       std::floor(100 * share));
    if (total != 1) text += fmt::format(" {:.0f}/{}", std::floor(done), total);
  } else {
    text = fmt::format("{:.0f}", std::floor(done));
  }
  if (done > 0 && seconds > 0) {
    const double each = seconds / done;
    if (total != 1) {
      text += each < 1 ? fmt::format("  {:.1f}/s", 1 / each)
                       : fmt::format("  {} each", seconds_text(each));
    }
    const double left = static_cast<double>(total) - done;
    if (left > 0) text += fmt::format("  {} left", seconds_text(each * left));
  }
  return text;
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO) != 0; }

Meter::Meter(std::string title, Index total, bool terminal)
    : title_(std::move(title)), total_(total), terminal_(terminal) {}

void Meter::update(double done) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  const auto pause = terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine);
  if (now - last_ < pause) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string text = title_ + " " + meter_text(done, total_, seconds);
  if (terminal_) {
    std::fputs(("\r\x1b[K" + text).c_str(), stderr);
    drawn_ = true;
  } else {
    say(text);
  }
}

void Meter::message(std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear();
  say(text);
}

void Meter::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

}  // namespace sapiens::cli
