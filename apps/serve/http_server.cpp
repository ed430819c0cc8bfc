#include "serve/http_server.hpp"

#include "core/load_module.hpp"
#include "serve/module.hpp"

namespace sapiens::serve {
namespace {

constexpr ModuleKind kKind = {
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .built_with = "cpp-httplib (Debian, Ubuntu: apt-get install libcpp-httplib-dev)",
    .runs_with = "cpp-httplib (Debian, Ubuntu: apt-get install libcpp-httplib-dev)"};

const Module& require_module() {
  return sapiens::require_module<Module>(kKind, "this sapiens cannot serve");
}

}  // namespace

std::unique_ptr<HttpServer> listen(const ServerOptions& options, RequestHandler& handler) {
  return require_module().open(options, handler);
}

void expect_server() { require_module(); }

}  // namespace sapiens::serve
