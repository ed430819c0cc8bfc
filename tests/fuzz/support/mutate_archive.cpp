#include <algorithm>

#include "fuzz/support/mutators.hpp"

namespace sapiens::fuzz {
namespace {

constexpr std::size_t kBlock = 512, kSizeAt = 124, kSizeDigits = 11, kSumAt = 148, kSumBytes = 8;

std::size_t octal(std::string_view digits) {
  std::size_t number = 0;
  for (const char digit : digits) {
    if (digit >= '0' && digit <= '7') number = number * 8 + static_cast<std::size_t>(digit - '0');
  }
  return number;
}

void correct_sum(char* header) {
  std::fill_n(header + kSumAt, kSumBytes, ' ');
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(header[i]);
  for (std::size_t i = 6; i-- > 0; sum /= 8) header[kSumAt + i] = static_cast<char>('0' + sum % 8);
  header[kSumAt + 6] = '\0';
}

// One header of ten keeps a wrong sum.
std::string with_right_sums(std::string tar, Random& random) {
  for (std::size_t at = 0; at + kBlock <= tar.size();) {
    if (tar[at] != '\0' && !random.one_in(10)) correct_sum(&tar[at]);
    const std::size_t size = octal(std::string_view(tar).substr(at + kSizeAt, kSizeDigits));
    at += kBlock + std::min(size, tar.size()) / kBlock * kBlock + (size % kBlock ? kBlock : 0);
  }
  return tar;
}

}  // namespace

std::string mutate_archive(std::string_view archive, Random& random) {
  if (archive.starts_with("PK")) return mutate_zip(archive, random);
  std::string tar(archive);
  if (tar.size() < kBlock || random.one_in(4)) tar = mutate_bytes(tar, tar.size() + kBlock);
  // Fields of headers, where a shift by one byte would make nonsense of all that follows.
  for (std::size_t changes = random.below(4); changes > 0 && tar.size() >= kBlock; --changes) {
    const std::size_t header = random.below(tar.size() / kBlock) * kBlock;
    const std::size_t field = header + random.below(kBlock - 8);
    const std::string changed = mutate_bytes(tar.substr(field, 8), 8);
    tar.replace(field, changed.size(), changed);
  }
  return with_right_sums(std::move(tar), random);
}

}  // namespace sapiens::fuzz
