#include "core/load_module.hpp"

#include <string>

#include "archive/module.hpp"
#include "sapiens/archive.hpp"

namespace sapiens {
namespace archive {
namespace {

constexpr ModuleFile kArchiveModule{
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .needs = "libarchive (Debian, Ubuntu: apt-get install libarchive-dev)",
    .absent = "this sapiens cannot read archives"};

}  // namespace

const Module& require_module(const char* file) {
  return *static_cast<const Module*>(sapiens::require_module(kArchiveModule, file));
}

}  // namespace archive

bool archives_available(std::string* why) { return module_available(archive::kArchiveModule, why); }

}  // namespace sapiens
