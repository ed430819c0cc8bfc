#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::fuzz {

/// A member of a zip archive, and how it is described.
struct Member {
  std::string name;
  std::string bytes;
  std::string local_extra = {};    ///< Extra fields in front of the bytes.
  std::string central_extra = {};  ///< Extra fields in the table of contents.
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  bool descriptor = false;   ///< Sizes and checksum follow the bytes.
  bool zip64 = false;        ///< Sizes are in an extra field.
  bool no_checksum = false;  ///< As torch.save leaves it out.
  /// Size and checksum of the content of a compressed member, of which `bytes` are not taken apart.
  std::uint64_t unpacked_size = 0;
  std::uint32_t unpacked_crc = 0;
};

struct Zip {
  std::vector<Member> members;
  std::string comment = {};
  bool end_record64 = false;
};

/// What can be found in an archive by its table of contents. Members that are not there are left
/// out, and so is everything if there is no table.
Zip take_zip_apart(std::string_view archive);

/// An archive in which everything agrees.
std::string to_bytes(const Zip& zip);

}  // namespace sapiens::fuzz
