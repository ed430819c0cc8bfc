// Draws synthetic people and writes their ground truth; docs/mannequin.md describes it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <new>
#include <sapiens/error.hpp>

#include "request.hpp"

namespace mannequin {
namespace {

using sapiens::Error;
using sapiens::ErrorCode;

// The exit codes of the sapiens program.
enum ExitCode : int { kDone = 0, kUsage = 2, kOutOfResources = 5, kInternal = 70 };

/// The signal that requested the end of the program; 0 for none.
volatile std::sig_atomic_t signal_received = 0;

/// Thrown after a signal, so that unwinding removes incomplete files.
struct Interrupted {
  int signal;
};

struct Arguments {
  Request request;
  std::string output, size = "192x256", view = "any", layout = "files";
};

/// Parses a size such as "192x256", width first.
void read_size(const std::string& text, Request& request) {
  constexpr int kMin = 16, kMax = 2048;
  char rest = 0;
  const int fields = std::sscanf(text.c_str(), "%5dx%5d%c", &request.width, &request.height, &rest);
  const auto fits = [](int side) { return kMin <= side && side <= kMax; };
  if (fields == 2 && fits(request.width) && fits(request.height)) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this is not an image size",
               .key = "--size",
               .expected = fmt::format("WIDTHxHEIGHT, each from {} to {}", kMin, kMax),
               .actual = text,
               .hint = "--size 192x256"});
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (!problem) return;
  throw Error(ErrorCode::WriteFailed, {.summary = "the output folder cannot be made",
                                       .file = folder.string(),
                                       .actual = problem.message()});
}

/// Shows a line on a terminal every second once the work takes more than two seconds.
Progress progress_of(std::int64_t count) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  auto next = std::make_shared<Clock::time_point>(start + std::chrono::seconds(2));
  return [=](std::int64_t done) {
    if (signal_received != 0) throw Interrupted{signal_received};
    const Clock::time_point now = Clock::now();
    if (now < *next) return;
    *next = now + std::chrono::seconds(1);
    const double seconds = std::chrono::duration<double>(now - start).count();
    const double rate = static_cast<double>(done) / seconds;
    fmt::print(stderr, "\r{} of {} images, {:.0f} a minute, {:.0f} s left   {}", done, count,
               60 * rate, static_cast<double>(count - done) / rate, done == count ? "\n" : "");
  };
}

void run(Arguments& arguments) {
  Request& request = arguments.request;
  request.output = arguments.output;
  read_size(arguments.size, request);
  request.view = arguments.view == "front" ? View::Front : View::Any;
  make_folder(request.output);
  const Progress progress = progress_of(request.count);
  if (arguments.layout == "files") return write_files(request, progress);
  if (arguments.layout == "arrays") return write_arrays(request, progress);
  write_sheet(request, progress);
}

void add_options(CLI::App& app, Arguments& arguments) {
  Request& request = arguments.request;
  app.add_option("--output,-o", arguments.output, "Folder to write to; made if it is missing")
      ->required();
  app.add_option("--count,-n", request.count, "How many images")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000'000}))
      ->capture_default_str();
  app.add_option("--first", request.first, "Number of the first image")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000}))
      ->capture_default_str();
  app.add_option("--seed", request.seed, "Another seed, other people; equal seeds, equal bytes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--size", arguments.size, "Of the images, width x height")->capture_default_str();
  app.add_option("--view", arguments.view,
                 "any: any side, parts of people, things in front of them; front: the whole person "
                 "from more or less the front, with nothing in between")
      ->check(CLI::IsMember({"any", "front"}))
      ->capture_default_str();
  app.add_option("--threads", request.threads, "0: one per CPU")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--layout", arguments.layout,
                 "files: a few files per image and COCO annotations; arrays: one .npy per kind "
                 "of data; sheet: one PNG to look at")
      ->check(CLI::IsMember({"files", "arrays", "sheet"}))
      ->capture_default_str();
  app.footer(
      "Exit codes: 0 done, 2 wrong usage, 5 nothing could be written or memory ran out, 70 a bug,\n"
      "128 and the number of a signal: interrupted\n"
      "\nExample:\n  mannequin --output people --count 100 --seed 7");
}

int run_and_report(int argc, char** argv) {
  CLI::App app("Draws synthetic people with exact ground truth", "mannequin");
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
    run(arguments);
    return kDone;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  } catch (const Error& error) {
    fmt::print(stderr, "error{}\n", error.what());
    return error.code() == ErrorCode::InvalidArgument ? kUsage : kOutOfResources;
  } catch (const Interrupted& interrupted) {
    fmt::print(stderr, "\ninterrupted; what is written is complete, but not all of it\n");
    return 128 + interrupted.signal;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "error[out-of-resources] memory ran out\n");
    return kOutOfResources;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error[internal] {}; please report this as a bug\n", error.what());
    return kInternal;
  }
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(number, [](int received) { mannequin::signal_received = received; });
  }
  return mannequin::run_and_report(argc, argv);
}
