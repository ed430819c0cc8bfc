#pragma once

#include <string>
#include <vector>

#include "cli/options/options.hpp"
#include "serve/options.hpp"

namespace sapiens::cli {

/// What `serve` was asked for, as it was given.
struct ServeArguments {
  std::vector<std::string> models;
  std::vector<std::string> prefixes;
  std::string token_file;
  bool quiet = false;
  serve::ServerOptions server;
};

using RunServe = void (*)(const ServeArguments& arguments, Session& session);

/// Declares `serve` in the programs `sapiens`, whose `run` starts sapiens-serve, and sapiens-serve,
/// whose `run` serves.
void add_serve_command(CLI::App& app, Session& session, RunServe run);

}  // namespace sapiens::cli
