#include "checkpoint/stored_member.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/crc32.hpp"
#include "core/open_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// A thread computes one piece at a time, which takes about 0.1 ms, so that no thread waits long for
// the last one.
constexpr std::size_t kPieceBytes = std::size_t{1} << 18;
// The pages of larger members are released while they are checked, because one storage may hold all
// parameters.
constexpr std::size_t kMaxKeptBytes = std::size_t{1} << 26;
constexpr std::size_t kMaxNames = 3;

}  // namespace

StoredMember::StoredMember(const FileBytes& archive, std::string name,
                           std::span<const std::byte> bytes, std::optional<std::uint32_t> crc)
    : source_(archive.source),
      name_(std::move(name)),
      bytes_(bytes),
      map_(archive.map),
      crc_(crc) {}

void StoredMember::add_tensor(std::string path) {
  if (tensors_.size() < kMaxNames) tensors_.push_back(std::move(path));
  ++tensor_count_;
}

std::string StoredMember::tensors_text() const {
  std::string text = fmt::format("{}", fmt::join(tensors_, ", "));
  if (tensor_count_ > tensors_.size()) {
    text += fmt::format(" and {} more", tensor_count_ - tensors_.size());
  }
  return text;
}

std::size_t StoredMember::pieces() const noexcept {
  return (bytes_.size() + kPieceBytes - 1) / kPieceBytes;
}

std::span<const std::byte> StoredMember::piece(std::size_t number) const noexcept {
  const std::size_t first = number * kPieceBytes;
  return bytes_.subspan(first, std::min(kPieceBytes, bytes_.size() - first));
}

bool StoredMember::is_intact() const {
  if (!crc_) return true;
  if (state_.load() == State::Unknown) {
    std::call_once(started_, [this] {
      piece_crcs_.resize(pieces());
      if (bytes_.empty()) finish();
    });
    compute_pieces();
    state_.wait(State::Unknown);  // waits for pieces that other threads compute
  }
  if (map_ != nullptr) map_->require_unchanged();
  return state_.load() == State::Intact;
}

// Every calling thread takes the next piece; the thread that completes the last one joins their
// checksums.
void StoredMember::compute_pieces() const {
  const std::size_t count = pieces();
  for (;;) {
    const std::size_t number = next_.fetch_add(1);
    if (number >= count) return;
    const std::span<const std::byte> bytes = piece(number);
    piece_crcs_[number] = crc32(bytes);
    if (map_ != nullptr && bytes_.size() > kMaxKeptBytes) release_mapped(bytes);
    if (done_.fetch_add(1) + 1 == count) finish();
  }
}

void StoredMember::finish() const {
  std::uint32_t crc = 0;
  for (std::size_t i = 0; i < piece_crcs_.size(); ++i) {
    crc = join_crc32(crc, piece_crcs_[i], piece(i).size());
  }
  found_ = crc;
  state_.store(crc == *crc_ ? State::Intact : State::Damaged);
  state_.notify_all();
}

void StoredMember::forget() const noexcept {
  if (map_ != nullptr && !bytes_.empty()) release_mapped(bytes_);
}

void StoredMember::require_intact() const {
  if (is_intact()) return;
  const std::string tensors = tensors_text();
  throw Error(ErrorCode::CorruptFile,
              {.summary = tensors.empty()
                              ? fmt::format("the checksum of \"{}\" does not match", name_)
                              : "the values of a tensor are damaged: their checksum does not match",
               .file = source_,
               .key = tensors.empty() ? name_ : tensors,
               .expected = fmt::format("CRC-32 {:08x} for {}", *crc_, name_),
               .actual = fmt::format("CRC-32 {:08x} of {} bytes", found_, bytes_.size()),
               .hint = "the file is damaged; download it again"});
}

}  // namespace sapiens
