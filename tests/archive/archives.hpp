#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sapiens {

/// A block of a tar: the header of a member. `type` is '0' for a file, '1' and '2' for links, '5'
/// for a folder, 'x' for a pax header.
std::string tar_header(const std::string& name, std::uint64_t size, char type = '0',
                       const std::string& target = "");

/// A member of a tar: header, content and padding.
std::string tar_member(const std::string& name, const std::string& content, char type = '0',
                       const std::string& target = "");

/// A record of a pax header, as the content of a member of type 'x'.
std::string pax_record(const std::string& key, const std::string& value);

/// The end mark of a tar.
inline std::string tar_end() { return std::string(1024, '\0'); }

/// A zip archive that stores its members, whatever their `method` claims.
class StoredZip {
 public:
  void add(const std::string& name, const std::string& content, std::uint16_t flags = 0,
           std::uint16_t method = 0);
  std::string bytes() const;

 private:
  std::string members_;
  std::string directory_;
  std::uint16_t count_ = 0;
};

}  // namespace sapiens
