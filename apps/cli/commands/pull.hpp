#pragma once

#include <sapiens/hub.hpp>
#include <vector>

#include "cli/options/options.hpp"

namespace sapiens::cli {

/// What is to be downloaded, and how.
struct PullArguments {
  std::vector<const PublishedFile*> files;
  bool yes = false;  ///< The user agrees to size and licence.
  HubOptions hub;
};

using RunPull = void (*)(const PullArguments& arguments, Session& session);

/// Declares `pull` in the programs `sapiens`, whose `run` starts sapiens-pull, and sapiens-pull,
/// whose `run` downloads. What needs no network, the list and names that are wrong, is done before
/// `run` is called.
void add_pull_command(CLI::App& app, Session& session, RunPull run);

}  // namespace sapiens::cli
