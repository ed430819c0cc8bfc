#pragma once

#include <sapiens/hub.hpp>
#include <string>
#include <vector>

#include "cli/options/options.hpp"
#include "serve/options.hpp"

// The commands that are programs of their own. `sapiens` declares them with a `run` that starts the
// program, which declares its command with a `run` that does the work.
namespace sapiens::cli {

/// What is to be downloaded, and how.
struct PullArguments {
  std::vector<const PublishedFile*> files;
  bool yes = false;  ///< The user agrees to size and licence.
  HubOptions hub;
};

using RunPull = void (*)(const PullArguments& arguments, Session& session);

/// What needs no network, the list and names that are wrong, is done before `run` is called.
void add_pull_command(CLI::App& app, Session& session, RunPull run);

/// What `serve` was asked for, as it was given.
struct ServeArguments {
  std::vector<std::string> models;
  std::vector<std::string> prefixes;
  std::string token_file;
  bool quiet = false;
  serve::ServerOptions server;
};

using RunServe = void (*)(const ServeArguments& arguments, Session& session);

void add_serve_command(CLI::App& app, Session& session, RunServe run);

}  // namespace sapiens::cli
