#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/connection.hpp"
#include "hub/partial_file.hpp"

namespace sapiens::hub {

/// One download, over as many connections as it takes. What has arrived is replaced by the same
/// file alone, never by a page or an error that came in its place.
class Download {
 public:
  Download(Connection& connection, const RemoteFile& file, const PullListener& listener);

  PartialFile& partial() { return partial_; }
  /// Bytes that an earlier download left and that are still a part of this one.
  std::uint64_t resumed_at() const { return resumed_at_; }

  /// Fetches what is missing; throws Transient where another attempt may do better.
  void fetch();

  /// The digest of what has arrived. Throws CorruptFile for a wrong one, and where the hub tells
  /// none for what cannot be read as a checkpoint; UnsupportedFormat for something that is no
  /// checkpoint. It is removed then.
  std::string verify();

 private:
  std::vector<std::string> headers() const;
  void begin(const Answer& answer);
  void take(std::span<const std::byte> bytes);
  void expect_head();
  [[noreturn]] void refuse_other() const;
  /// What it may have at most: its size, or what the table of published files allows.
  std::uint64_t max_bytes() const;
  void expect_readable();
  [[noreturn]] void refuse_more();
  [[noreturn]] void ask_for_all(const Answer& answer);
  [[noreturn]] void try_again(const Answer& answer, const char* summary) const;
  void tell(PullStage stage, std::uint64_t done, std::optional<std::uint64_t> total) const;

  Connection& connection_;
  const RemoteFile& file_;
  const PullListener& listener_;
  PartialFile partial_;
  std::uint64_t resumed_at_;
  bool head_is_known_ = false;
  bool wants_all_ = false;  ///< The server cannot go on where the part ends.
  /// The beginning of something else that was sent, by its length.
  std::optional<std::vector<std::byte>> other_;
};

/// One attempt to ask for size and digest; throws Transient where another may do better. `folder`
/// is where the file would go; if it is empty, `choose_place` decides.
RemoteFile look_up_once(Connection& connection, const PublishedFile& file,
                        const std::filesystem::path& folder);

/// An ETag as If-Range takes it: empty for a weak one, which says nothing about single bytes.
std::string strong_etag(const std::string& header);

}  // namespace sapiens::hub
