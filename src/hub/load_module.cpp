#include "hub/load_module.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "core/load_module.hpp"
#include "core/open_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace hub {
namespace {

constexpr const char* kBuildHint =
    "install libcurl (Debian, Ubuntu: apt-get install libcurl4-openssl-dev libssl-dev) and build "
    "sapiens again; a module that lies elsewhere is found with SAPIENS_MODULE_DIR=its/folder";
constexpr const char* kRuntimeHint =
    "install libcurl (Debian 12: apt-get install libcurl4; Ubuntu 24.04: libcurl4t64)";
constexpr const char* kVersionHint = "install sapiens again, as a whole";

const Module* load_module(ErrorDetail& missing) {
  const ModuleSearch search = find_in_module(kModuleFile, kModuleEntry);
  if (!search.function) {
    missing = {.actual = search.reason, .hint = search.is_there ? kRuntimeHint : kBuildHint};
    return nullptr;
  }
  const Module* const module = reinterpret_cast<ModuleEntry>(search.function)();
  if (module && module->version == kModuleVersion) return module;
  missing = {.actual = fmt::format("{} belongs to another version of sapiens", kModuleFile),
             .hint = kVersionHint};
  return nullptr;
}

}  // namespace

const Module& require_module() {
  ErrorDetail missing;
  if (const Module* const module = load_module(missing)) return *module;
  missing.summary = "this sapiens cannot download";
  throw Error(ErrorCode::InvalidArgument, missing);
}

void fail_for_memory() {
  throw Error(ErrorCode::OutOfResources, {.summary = "memory ran out during a download"});
}

std::string sha256_of(const std::filesystem::path& path,
                      const std::function<void(std::uint64_t)>& progress) {
  const std::unique_ptr<Digest> digest(require_module().start_digest());
  if (!digest) fail_for_memory();
  const Descriptor file = open_regular_file(path);
  std::vector<char> buffer(std::size_t{1} << 20);
  std::uint64_t done = 0;
  while (true) {
    const ::ssize_t count = ::read(file.number(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_to_read(path, "the file cannot be read", errno);
    if (count == 0) break;
    if (!digest->add(buffer.data(), static_cast<std::size_t>(count))) fail_for_memory();
    done += static_cast<std::uint64_t>(count);
    if (progress) progress(done);
  }
  unsigned char bytes[32];
  if (!digest->finish(bytes)) fail_for_memory();
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace hub

bool downloads_available(std::string* why) {
  ErrorDetail missing;
  if (hub::load_module(missing)) return true;
  if (why) *why = fmt::format("{}; {}", missing.actual, missing.hint);
  return false;
}

}  // namespace sapiens
