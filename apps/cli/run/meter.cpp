#include "cli/run/meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <sapiens/printable.hpp>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

constexpr Index kBarWidth = 24;
/// "[#####     ]  30%".
std::string bar_text(double share) {
  const auto filled = static_cast<Index>(static_cast<double>(kBarWidth) * share);
  return fmt::format("[{:#<{}}{:{}}] {:>3.0f}%", "", filled, "", kBarWidth - filled,
                     std::floor(100 * share));
}

constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::chrono::seconds kPlainLine{5};

}  // namespace

std::string meter_text(double done, Index total, double seconds) {
  std::string text;
  if (total > 0) {
    text = bar_text(done / static_cast<double>(total));
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

std::string bytes_meter_text(double done, double from, Index total, double seconds) {
  std::string text = total > 0
                         ? fmt::format("{} of {}", bar_text(done / static_cast<double>(total)),
                                       bytes_text(static_cast<std::uint64_t>(total)))
                         : bytes_text(static_cast<std::uint64_t>(done));
  const double rate = seconds > 0 ? (done - from) / seconds : 0;
  if (rate < 1) return text;
  text += fmt::format("  {}/s", bytes_text(static_cast<std::uint64_t>(rate)));
  const double left = static_cast<double>(total) - done;
  if (left > 0) text += fmt::format("  {} left", seconds_text(left / rate));
  return text;
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO) != 0; }

Meter::Meter(std::string_view title, Index total, bool terminal, MeterUnit unit)
    : title_(printable(title)), total_(total), terminal_(terminal), unit_(unit) {}

void Meter::update(double done) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (from_ < 0) from_ = done;
  const auto pause = terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine);
  if (now - last_ < pause) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string text =
      title_ + " " +
      (unit_ == MeterUnit::Bytes ? bytes_meter_text(done, from_, total_, seconds)
                                 : meter_text(done, total_, seconds));
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
