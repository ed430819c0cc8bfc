#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <sapiens/checkpoint.hpp>
#include <sapiens/hub.hpp>
#include <sapiens/printable.hpp>
#include <string>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/options/options.hpp"
#include "cli/run/meter.hpp"
#include "cli/terminal/messages.hpp"
#include "cli/terminal/text.hpp"
#include "core/stopwatch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

struct PullOptions {
  std::vector<std::string> names;
  std::string folder;
  bool yes = false;
  bool list = false;
  HubOptions hub;
};

std::vector<const PublishedFile*> files_called(const std::vector<std::string>& names) {
  std::vector<const PublishedFile*> files;
  for (const std::string& name : names) {
    files.push_back(find_published(name));
    if (files.back()) continue;
    throw Error(ErrorCode::InvalidArgument, {.summary = "no published checkpoint has this name",
                                             .key = name,
                                             .expected = "a name such as 0.3b:seg",
                                             .hint = "`sapiens pull --list` shows all"});
  }
  return files;
}

/// "about 1.36 GB", or what the hub says.
std::string size_text(const RemoteFile& file) {
  return file.bytes ? bytes_text(*file.bytes) : "about " + bytes_text(file.published->about_bytes);
}

void describe(const RemoteFile& file) {
  const PublishedFile& published = *file.published;
  say(fmt::format("{}: {}, {}\n  from     {}\n  to       {}\n  licence  {}", published.name,
                  published.file_name(), size_text(file), file.page, printable(file.path.string()),
                  published.licence));
  if (file.arrived > 0) {
    say(fmt::format("  {} of it are here already", bytes_text(file.arrived)));
  }
}

void expect_agreement(const PullOptions& options, std::size_t count) {
  if (options.yes) return;
  if (!isatty(STDIN_FILENO)) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "nobody is at the terminal to agree to the download",
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
  if (pulled.was_there) {
    return fmt::format("{} is there already; {}", printable(pulled.path.string()), digest);
  }
  return fmt::format("{}: {} in {}; {}", printable(pulled.path.string()),
                     bytes_text(pulled.bytes - pulled.resumed_at), seconds_text(seconds), digest);
}

Json pulled_json(const PublishedFile& published, const PulledFile& pulled, double seconds,
                 const Inspection& inspection) {
  return {{"name", published.name},          {"path", pulled.path.string()},
          {"bytes", pulled.bytes},           {"sha256", pulled.sha256},
          {"verified", pulled.verified},     {"was_there", pulled.was_there},
          {"resumed_at", pulled.resumed_at}, {"seconds", seconds},
          {"licence", published.licence},    {"inspection", Json::parse(inspection.json())}};
}

/// Downloads one file and tells what it is.
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
  if (!session.json) print(inspection.text());
  return pulled_json(*remote.published, pulled, seconds, inspection);
}

void pull(const PullOptions& options, Session& session) {
  const std::vector<const PublishedFile*> files = files_called(options.names);
  Hub hub(options.hub);
  std::vector<RemoteFile> remotes;
  bool all_there = true;
  for (const PublishedFile* file : files) {
    PullMeters meters{std::string(file->name)};
    remotes.push_back(hub.look_up(*file, listener_of(meters)));
    describe(remotes.back());
    all_there = all_there && remotes.back().is_there;
  }
  if (!all_there) expect_agreement(options, remotes.size());

  session.interrupts.set_exit_message("what has arrived is kept; the same command goes on",
                                      session.json);
  Json document = {{"files", Json::array()}};
  for (const RemoteFile& remote : remotes) {
    document["files"].push_back(pull_one(hub, remote, session));
  }
  if (session.json) print_json(document);
}

/// What of a published file is on this disk; nothing is asked of the hub.
Json local_state(const PublishedFile& file, const fs::path& folder) {
  const fs::path path = folder / file.file_name();
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (!error) return {{"path", path.string()}, {"bytes", bytes}};
  const auto arrived = fs::file_size(path.string() + ".partial", error);
  return error ? Json(nullptr) : Json{{"arrived", arrived}};
}

std::string state_text(const Json& state) {
  if (state.is_null()) return "";
  if (state.contains("path")) return "here";
  return bytes_text(state["arrived"]) + " here";
}

void list(const PullOptions& options, Session& session) {
  const fs::path folder = options.hub.folder.empty() ? checkpoint_cache() : options.hub.folder;
  Json document = {{"folder", folder.string()}, {"published", Json::array()}};
  for (const PublishedFile& file : published_files()) {
    const Json state = local_state(file, folder);
    if (session.json) {
      document["published"].push_back({{"name", file.name},
                                       {"repository", file.repository},
                                       {"file", file.path},
                                       {"about_bytes", file.about_bytes},
                                       {"licence", file.licence},
                                       {"local", state}});
    } else {
      print(fmt::format("{:<14} {:>8}  {:<12}  {}  {}\n", file.name, bytes_text(file.about_bytes),
                        state_text(state), file.repository, file.licence));
    }
  }
  if (session.json) {
    print_json(document);
  } else {
    print(fmt::format("\nDownloads lie in {}\n", printable(folder.string())));
  }
}

void run(PullOptions options, Session& session) {
  options.hub.folder = options.folder;
  if (options.list) return list(options, session);
  if (!options.names.empty()) return pull(options, session);
  throw Error(ErrorCode::InvalidArgument, {.summary = "there is nothing to download",
                                           .expected = "a name such as 0.3b:seg",
                                           .hint = "`sapiens pull --list` shows all"});
}

}  // namespace

void add_pull_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<PullOptions>();
  CLI::App* pull = app.add_subcommand("pull", "Download published checkpoints");
  pull->add_option("NAME", options->names,
                   "What to download: 0.3b:pretrain, 0.3b:pose308, 1b:seg, 2b:depth, 0.6b:normal, "
                   "detector ...")
      ->type_name(kPublishedType);
  pull->add_flag("--list", options->list, "Show what is published, and what is on this disk");
  pull->add_option("--dir", options->folder,
                   "Folder to write to; by default SAPIENS_CACHE, XDG_CACHE_HOME/sapiens or "
                   "~/.cache/sapiens, where other commands look for names")
      ->type_name(kFolderType);
  pull->add_flag("-y,--yes", options->yes, "Agree to size and licence without being asked");
  pull->add_option("--retries", options->hub.retries,
                   "Attempts in a row that may bring nothing before it gives up")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  pull->add_option("--timeout", options->hub.timeout,
                   "Seconds without a byte after which a connection counts as dropped")
      ->check(number_between(1.0, 3600.0))
      ->capture_default_str();
  add_json_flag(*pull, session);
  pull->footer(
      "HF_TOKEN is sent to the hub, HF_ENDPOINT is another hub, https_proxy is followed. A\n"
      "download that broke off goes on with the same command. docs/downloads.md tells more.\n\n"
      "Example:\n  sapiens pull 0.3b:seg\n  sapiens seg 0.3b:seg photos/ --output out");
  pull->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli
