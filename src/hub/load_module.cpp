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

constexpr ModuleKind kKind = {
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .built_with = "libcurl (Debian, Ubuntu: apt-get install libcurl4-openssl-dev libssl-dev)",
    .runs_with = "libcurl (Debian 12: apt-get install libcurl4; Ubuntu 24.04: libcurl4t64)"};

}  // namespace

const Module& require_module() {
  return sapiens::require_module<Module>(kKind, "this sapiens cannot download");
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

bool downloads_available(std::string* why) { return has_module<hub::Module>(hub::kKind, why); }

}  // namespace sapiens
