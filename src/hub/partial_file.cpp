#include "hub/partial_file.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "core/atomic_file.hpp"
#include "hub/refusals.hpp"
#include "sapiens/error.hpp"

namespace sapiens::hub {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path record_name(const fs::path& path) { return path.string() + ".partial.json"; }

/// Null for a record that is not there, or no record.
Json read_record(const fs::path& path) {
  std::ifstream file(record_name(path), std::ios::binary);
  return Json::parse(file, nullptr, false);
}

std::string text_of(const Json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The ETag of what is there, if it is a part of `file`.
std::optional<std::string> matching_etag(const RemoteFile& file) {
  const Json record = read_record(file.path);
  if (!record.is_object() || !file.bytes || record.value("bytes", Json()) != *file.bytes) return {};
  if (text_of(record, "sha256") != file.sha256) return {};
  const std::string etag = text_of(record, "etag");
  const bool same_server = text_of(record, "url") == file.url;
  if (has_digest(file)) return same_server ? etag : "";
  if (!same_server || etag.empty()) return {};
  return etag;
}

std::uint64_t size_on_disk(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

bool has_digest(const RemoteFile& file) {
  constexpr std::size_t kDigits = 64;  // of a whole SHA-256
  return file.sha256.size() == kDigits;
}

std::uint64_t partial_size(const RemoteFile& file) {
  if (!matching_etag(file)) return 0;
  const std::uint64_t size = size_on_disk(partial_name(file.path));
  return size <= *file.bytes ? size : 0;
}

void remove_record(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(partial_name(path), ignored)) fs::remove(record_name(path), ignored);
}

PartialFile::PartialFile(const RemoteFile& file)
    : final_path_(file.path),
      path_(partial_name(file.path)),
      file_(file),
      descriptor_(open_locked(path_, file.path)),
      etag_(matching_etag(file).value_or("")),
      size_(partial_size(file)) {
  if (size_ == 0) truncate();
  if (::lseek(descriptor_.number(), 0, SEEK_END) < 0) {
    fail_to_write(final_path_, "the partial file cannot be continued", errno);
  }
}

PartialFile::~PartialFile() {
  if (descriptor_.number() >= 0 && size_ == 0) discard();
}

std::vector<std::byte> PartialFile::head(std::size_t count) const {
  std::vector<std::byte> bytes(count);
  const ::ssize_t read =
      uninterrupted([&] { return ::pread(descriptor_.number(), bytes.data(), count, 0); });
  if (read < 0) fail_to_read(path_, "the partial file cannot be read", errno);
  bytes.resize(static_cast<std::size_t>(read));
  return bytes;
}

void PartialFile::truncate() {
  if (uninterrupted([&] { return ::ftruncate(descriptor_.number(), 0); }) != 0 ||
      ::lseek(descriptor_.number(), 0, SEEK_SET) < 0) {
    fail_to_write(final_path_, "the partial file cannot be emptied", errno);
  }
  size_ = 0;
}

void PartialFile::restart(const std::string& etag) {
  truncate();
  etag_ = etag;
  const Json record = {{"url", file_.url},
                       {"etag", etag},
                       {"bytes", file_.bytes ? Json(*file_.bytes) : Json(nullptr)},
                       {"sha256", file_.sha256}};
  const std::string text = record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  AtomicFile file(record_name(final_path_));
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

void PartialFile::append(std::span<const std::byte> bytes) {
  write_all(descriptor_, bytes, final_path_);
  size_ += bytes.size();
}

void PartialFile::commit() {
  commit_file(descriptor_, path_, final_path_);
  descriptor_.close();
  ::unlink(record_name(final_path_).c_str());
}

void PartialFile::discard() {
  ::unlink(path_.c_str());  // while it is still locked
  ::unlink(record_name(final_path_).c_str());
  descriptor_.close();
}

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
