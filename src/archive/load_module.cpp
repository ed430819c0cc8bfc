#include "core/load_module.hpp"

#include <string>

#include "archive/module.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace archive {
namespace {

constexpr ModuleFile kArchiveModule{
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .needs = "libarchive (Debian, Ubuntu: apt-get install libarchive-dev)"};

}  // namespace

const Module& require_module(const char* file) {
  MissingModule missing;
  if (const void* const module = load_module(kArchiveModule, missing)) {
    return *static_cast<const Module*>(module);
  }
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "this sapiens cannot read archives",
                                             .file = file,
                                             .actual = missing.reason,
                                             .hint = missing.hint});
}

}  // namespace archive

bool archives_available(std::string* why) {
  MissingModule missing;
  if (load_module(archive::kArchiveModule, missing)) return true;
  if (why) *why = missing.reason + "; " + missing.hint;
  return false;
}

}  // namespace sapiens
