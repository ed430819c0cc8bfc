#pragma once

#include <cstdint>
#include <memory>

#include "serve/http_server.hpp"

/// What the program and its module `sapiens_server` say to each other. Unlike other modules this
/// one speaks C++ (strings, functions, HttpError), because both are built and packed together; a
/// module of another `kModuleVersion` is not used.
namespace sapiens::serve {

/// Raised with every change of this file and of the headers it includes.
inline constexpr std::uint32_t kModuleVersion = 3;
inline constexpr const char* kModuleFile = "sapiens_server.so";
inline constexpr const char* kModuleEntry = "sapiens_server_module";

struct Module {
  std::uint32_t version;
  std::unique_ptr<HttpServer> (*open)(const ServerOptions& options, RequestHandler& handler);
};

}  // namespace sapiens::serve
