// The program sapiens-pull, which `sapiens pull` becomes: the only one that is linked to libcurl,
// and with it to thirty libraries.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <sapiens/checkpoint.hpp>
#include <sapiens/hub.hpp>
#include <sapiens/printable.hpp>
#include <string>
#include <vector>

#include "cli/commands/parts.hpp"
#include "cli/run/meter.hpp"
#include "cli/terminal/messages.hpp"
#include "cli/terminal/run_program.hpp"
#include "core/stopwatch.hpp"

namespace sapiens::cli {
namespace {

/// "about 1.36 GB", or what the hub says.
std::string size_text(const RemoteFile& file) {
  return file.bytes ? bytes_text(*file.bytes)
                    : "about " + bytes_text(file.published->approximate_bytes);
}

void describe(const RemoteFile& file) {
  const PublishedFile& published = *file.published;
  say(fmt::format("{}: {}, {}\n  from     {}\n  to       {}\n  licence  {}", published.name,
                  file.path.filename().string(), size_text(file), file.page,
                  printable(file.path.string()), published.licence));
  if (!published.licence_url.empty()) say(fmt::format("           {}", published.licence_url));
  if (file.partial_bytes > 0) {
    say(fmt::format("  {} of it are here already", bytes_text(file.partial_bytes)));
  }
}

void expect_agreement(const PullArguments& arguments, std::size_t count) {
  if (arguments.yes) return;
  if (!isatty(STDIN_FILENO)) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "a download needs your agreement, and there is no terminal to ask on",
                 .key = "--yes",
                 .hint = "--yes agrees to size and licence"});
  }
  std::fputs(count > 1 ? "Download them, under these licences? [y/N] "
                       : "Download it, under this licence? [y/N] ",
             stderr);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "nothing was downloaded, as you wished"});
}

/// Two meters, one after the other, because a digest is computed much faster than bytes arrive.
class PullMeters {
 public:
  explicit PullMeters(std::string name) : name_(std::move(name)) {}

  void update(PullStage stage, std::uint64_t done, std::optional<std::uint64_t> total) {
    if (!meter_ || stage != stage_) {
      meter_.reset();
      meter_ = std::make_unique<Meter>(stage == PullStage::Verifying ? name_ + ", checking" : name_,
                                       static_cast<Index>(total.value_or(0)), stderr_is_terminal(),
                                       MeterUnit::Bytes);
      stage_ = stage;
    }
    meter_->update(static_cast<double>(done));
  }

  void message(const std::string& text) {
    if (meter_) {
      meter_->message(text);
    } else {
      say(text);
    }
  }

 private:
  std::string name_;
  PullStage stage_ = PullStage::Downloading;
  std::unique_ptr<Meter> meter_;
};

PullListener listener_of(PullMeters& meters) {
  return {.progress =
              [&meters](PullStage stage, std::uint64_t done, std::optional<std::uint64_t> total) {
                meters.update(stage, done, total);
              },
          .message = [&meters](const std::string& text) { meters.message(text); }};
}

std::string done_text(const PulledFile& pulled, double seconds) {
  const char* const digest =
      pulled.verified ? "its digest is right" : "the hub gives no digest to compare with";
  if (pulled.already_downloaded) {
    return fmt::format("{} is there already; {}", printable(pulled.path.string()), digest);
  }
  return fmt::format("{}: {} in {}; {}", printable(pulled.path.string()),
                     bytes_text(pulled.bytes - pulled.resumed_at), seconds_text(seconds), digest);
}

Json pulled_json(const PublishedFile& published, const PulledFile& pulled, double seconds,
                 const Inspection& inspection) {
  return {{"name", published.name},
          {"path", pulled.path.string()},
          {"bytes", pulled.bytes},
          {"sha256", pulled.sha256},
          {"verified", pulled.verified},
          {"was_there", pulled.already_downloaded},
          {"resumed_at", pulled.resumed_at},
          {"seconds", seconds},
          {"licence", published.licence},
          {"licence_url", published.licence_url},
          {"inspection", Json::parse(inspection.json(flag_of))}};
}

/// Downloads one file and reports which model it is.
Json pull_one(Hub& hub, const RemoteFile& remote, Session& session) {
  const Stopwatch watch;
  PulledFile pulled;
  {
    PullMeters meters{std::string(remote.published->name)};
    pulled = hub.pull(remote, listener_of(meters));
  }
  const double seconds = watch.seconds();
  say(done_text(pulled, seconds));
  const Inspection inspection = Checkpoint::open(pulled.path).inspect();
  if (!is_usable(inspection.report.verdict)) session.exit_code = kRefused;
  if (!session.json) print(inspection_text(inspection, false));
  return pulled_json(*remote.published, pulled, seconds, inspection);
}

void pull(const PullArguments& arguments, Session& session) {
  Hub hub(arguments.hub);
  std::vector<RemoteFile> remotes;
  bool all_there = true;
  for (const PublishedFile* file : arguments.files) {
    PullMeters meters{std::string(file->name)};
    remotes.push_back(hub.look_up(*file, listener_of(meters)));
    describe(remotes.back());
    all_there = all_there && remotes.back().is_downloaded;
  }
  if (!all_there) expect_agreement(arguments, remotes.size());

  session.interrupts.set_exit_message("what has arrived is kept; the same command goes on",
                                      session.json);
  Json document = {{"files", Json::array()}};
  for (const RemoteFile& remote : remotes) {
    document["files"].push_back(pull_one(hub, remote, session));
  }
  if (session.json) print_json(document);
}

}  // namespace
}  // namespace sapiens::cli

int main(int argc, char** argv) {
  using namespace sapiens::cli;
  return run_part(argc, argv, "pull",
                  [](CLI::App& app, Session& session) { add_pull_command(app, session, pull); });
}
