#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "sapiens/error.hpp"

namespace sapiens::test {

using Bytes = std::vector<std::byte>;

/// A file of tests/data/checkpoints.
std::filesystem::path fixture(std::string_view name);

Bytes load(const std::filesystem::path& path);
Bytes to_bytes(std::string_view text);

/// Reads a checkpoint from memory, as open_checkpoint does from a file.
StateDict parse(std::span<const std::byte> bytes);
StateDict parse(std::string_view text);

/// The error that `action` throws; nothing if it succeeds.
std::optional<Error> error_of(const std::function<void()>& action);

/// A tensor as the expected.json files describe it: type, shape, bytes in hexadecimal.
struct Described {
  std::string dtype;
  std::vector<Index> shape;
  std::string hex;
  bool operator==(const Described&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Described& described);

std::map<std::string, Described> read_expected(std::string_view name);
/// The tensors of one container.
std::map<std::string, Described> describe(const StateDict& state, std::string_view container = "");

/// A folder that is gone when the test is over.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The data.pkl `pickle` in an archive as torch.save makes it, with storages of 64 zero bytes
/// called "0" and "1"; the first may have other bytes.
Bytes torch_zip(std::string_view pickle, const Bytes& first_storage = Bytes(64));

/// A pickled (protocol 0) tensor of 4 numbers in storage "0"; `more` are pickled arguments of
/// `_rebuild_tensor_v2` behind the hooks.
std::string pickled_tensor(std::string_view storage = "FloatStorage", std::string_view more = "");
/// A pickled dictionary with one entry.
std::string pickled_dict(std::string_view key, const std::string& value);

/// A member of `raw_zip`: as PyTorch's own writer makes it where `descriptor` is set.
struct RawMember {
  std::string name;
  Bytes bytes;
  std::string local_extra = {};
  bool descriptor = false;
  std::optional<std::uint32_t> crc = {};  ///< Another one than that of the bytes.
};

/// An archive of stored members, byte by byte, with `comment` behind its end record.
Bytes raw_zip(std::span<const RawMember> members, std::string_view comment = {});

/// Where the directory's entry, and the local header, of member `name` starts.
std::size_t directory_entry(std::span<const std::byte> zip, std::string_view name);
std::size_t local_header(std::span<const std::byte> zip, std::string_view name);

/// A pickle of {"a": float32[4] in storage 0, "b": [2] in storage 0 too, "c": [4] in storage 1}.
std::string pickle_of_three();

}  // namespace sapiens::test
