#include "archive/archives.hpp"

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "core/crc32.hpp"

namespace sapiens {
namespace {

void put(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>((value >> (8 * i)) & 0xff);
}

}  // namespace

std::string tar_header(const std::string& name, std::uint64_t size, char type,
                       const std::string& target) {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  block.replace(100, 7, "0000644");
  block.replace(108, 7, "0000000");
  block.replace(116, 7, "0000000");
  char number[16];
  std::snprintf(number, sizeof number, "%011llo", static_cast<unsigned long long>(size));
  block.replace(124, 11, number);
  block.replace(136, 11, "00000000000");
  block[156] = type;
  block.replace(157, target.size(), target);
  block.replace(257, 5, "ustar");
  block.replace(263, 2, "00");
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  std::snprintf(number, sizeof number, "%06o", sum);
  block.replace(148, 7, std::string(number) + '\0');
  return block;
}

std::string tar_member(const std::string& name, const std::string& content, char type,
                       const std::string& target) {
  std::string member = tar_header(name, content.size(), type, target) + content;
  member.resize((member.size() + 511) / 512 * 512);
  return member;
}

std::string pax_record(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  std::size_t size = body.size();
  while (std::to_string(size).size() + body.size() != size) {
    size = std::to_string(size).size() + body.size();
  }
  return std::to_string(size) + body;
}

void StoredZip::add(const std::string& name, const std::string& content, std::uint16_t flags,
                    std::uint16_t method) {
  std::string common;
  put(common, 20, 2);
  put(common, flags, 2);
  put(common, method, 2);
  put(common, 0x00210000, 4);  // 1980-01-01
  put(common, crc32(std::as_bytes(std::span(content))), 4);
  put(common, content.size(), 4);
  put(common, content.size(), 4);
  put(common, name.size(), 2);
  put(common, 0, 2);
  directory_ += std::string("PK\1\2\x14\0", 6) + common;
  directory_.append(10, '\0');  // comment, disk and attributes
  put(directory_, members_.size(), 4);
  directory_ += name;
  members_ += std::string("PK\3\4", 4) + common + name + content;
  ++count_;
}

std::string StoredZip::bytes() const {
  std::string end("PK\5\6\0\0\0\0", 8);
  put(end, count_, 2);
  put(end, count_, 2);
  put(end, directory_.size(), 4);
  put(end, members_.size(), 4);
  put(end, 0, 2);
  return members_ + directory_ + end;
}

}  // namespace sapiens
