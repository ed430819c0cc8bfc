#include <fmt/format.h>

#include <memory>
#include <sapiens/printable.hpp>

#include "cli/commands/parts.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

struct PullOptions {
  std::vector<std::string> names;
  std::string folder;
  bool list = false;
  PullArguments arguments;
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

/// What of a published file is on this disk; nothing is asked of the hub.
Json local_state(const PublishedFile& file, const fs::path& folder) {
  const LocalFile local = find_local(file, folder);
  if (!local.path.empty()) return {{"path", local.path.string()}, {"bytes", local.bytes}};
  return local.partial_bytes > 0 ? Json{{"arrived", local.partial_bytes}} : Json(nullptr);
}

std::string state_text(const Json& state) {
  if (state.is_null()) return "";
  if (state.contains("path")) return "here";
  return bytes_text(state["arrived"]) + " here";
}

void list(const PullOptions& options, Session& session) {
  const fs::path folder = options.folder.empty() ? checkpoint_cache() : fs::path(options.folder);
  Json document = {{"folder", folder.string()}, {"published", Json::array()}};
  for (const PublishedFile& file : published_files()) {
    const Json state = local_state(file, options.folder);
    if (session.json) {
      document["published"].push_back({{"name", file.name},
                                       {"repository", file.repository},
                                       {"file", file.path},
                                       {"about_bytes", file.approximate_bytes},
                                       {"licence", file.licence},
                                       {"licence_url", file.licence_url},
                                       {"local", state}});
    } else {
      print(fmt::format("{:<14} {:>8}  {:<12}  {}  {}\n", file.name,
                        bytes_text(file.approximate_bytes), state_text(state), file.repository,
                        file.licence));
    }
  }
  if (session.json) {
    print_json(document);
  } else {
    print(fmt::format("\nDownloads lie in {}\n", printable(folder.string())));
  }
}

void list_or_run(PullOptions options, Session& session, RunPull run) {
  if (options.list) return list(options, session);
  if (options.names.empty()) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "there is nothing to download",
                                             .expected = "a name such as 0.3b:seg",
                                             .hint = "`sapiens pull --list` shows all"});
  }
  options.arguments.files = files_called(options.names);
  options.arguments.hub.folder = options.folder;
  run(options.arguments, session);
}

}  // namespace

void add_pull_command(CLI::App& app, Session& session, RunPull run) {
  auto options = std::make_shared<PullOptions>();
  CLI::App* pull = app.add_subcommand("pull", "Download published checkpoints");
  pull->add_option("NAME", options->names,
                   "What to download: 0.3b:pretrain, 0.3b:pose308, 1b:seg, 2b:depth, 0.6b:normal, "
                   "sapiens2_0.4b, detector ...")
      ->type_name(kPublishedType);
  pull->add_flag("--list", options->list, "Show what is published, and what is on this disk");
  pull->add_option(
          "--dir", options->folder,
          "Folder to write to; by default SAPIENS_CACHE or the cache of Hugging Face's tools, "
          "where other commands look for names")
      ->type_name(kFolderType);
  pull->add_flag("-y,--yes", options->arguments.yes,
                 "Agree to size and licence without being asked");
  add_number(*pull, "--retries", options->arguments.hub.retries, {0, 1000},
             "Attempts in a row that may bring nothing before it gives up");
  add_number(*pull, "--timeout", options->arguments.hub.timeout, {1.0, 3600.0},
             "Seconds without a byte after which a connection counts as dropped");
  add_json_flag(*pull, session);
  pull->footer(
      "Files are shared with Hugging Face's tools (HF_HOME, HF_HUB_CACHE). HF_TOKEN, or the token\n"
      "of `hf auth login`, is sent to the hub, HF_ENDPOINT is another hub, https_proxy is\n"
      "followed. A download that broke off goes on with the same command. docs/downloads.md tells\n"
      "more.\n\n"
      "Example:\n  sapiens pull 0.3b:seg\n  sapiens seg 0.3b:seg photos/ --output out");
  pull->callback([options, &session, run] { list_or_run(*options, session, run); });
}

}  // namespace sapiens::cli
