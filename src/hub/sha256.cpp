#include "hub/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "core/open_file.hpp"
#include "hub/transfer.hpp"

namespace sapiens::hub {

std::string sha256_of(const std::filesystem::path& path,
                      const std::function<void(std::uint64_t)>& progress) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                       &EVP_MD_CTX_free);
  if (!digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1) fail_for_memory();
  const Descriptor file = open_regular_file(path);
  std::vector<char> buffer(std::size_t{1} << 20);
  std::uint64_t done = 0;
  while (true) {
    const ::ssize_t count = ::read(file.number(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_to_read(path, "the file cannot be read", errno);
    if (count == 0) break;
    if (EVP_DigestUpdate(digest.get(), buffer.data(), static_cast<std::size_t>(count)) != 1) {
      fail_for_memory();
    }
    done += static_cast<std::uint64_t>(count);
    if (progress) progress(done);
  }
  unsigned char bytes[32];
  if (EVP_DigestFinal_ex(digest.get(), bytes, nullptr) != 1) fail_for_memory();
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace sapiens::hub
