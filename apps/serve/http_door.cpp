#include "serve/http_door.hpp"

#include <sapiens/error.hpp>

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
  ModuleMissing missing;
  if (const Module* const module = load_module<Module>(kKind, missing)) return *module;
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "this sapiens cannot serve", .actual = missing.reason, .hint = missing.hint});
}

}  // namespace

std::unique_ptr<HttpDoor> open_door(const ServerOptions& options, RequestHandler& handler) {
  return require_module().open(options, handler);
}

void expect_server() { require_module(); }

}  // namespace sapiens::serve
