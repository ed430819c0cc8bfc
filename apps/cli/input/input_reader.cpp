#include <optional>
#include <sapiens/printable.hpp>
#include <utility>
#include <vector>

#include "cli/input/archive_inputs.hpp"

namespace sapiens::cli {

class InputReader::State {
 public:
  std::vector<std::byte> read_member(const InputFile& input) {
    if (input.path != path_ || input.position < next_) open(input);
    // Not found again by reading on; and to begin again for every member behind would take long.
    if (lost_) throw Error(*lost_);
    std::optional<ArchiveMember> member;
    try {
      while (next_ <= input.position) {
        member = reader_->next();
        ++next_;
        if (!member) break;
      }
    } catch (const Error& error) {
      lost_ = error;
      throw;
    }
    if (!member || member->name != input.member) {
      throw Error(ErrorCode::CorruptFile, {.summary = "the archive was changed while it was read",
                                           .file = input.path.string(),
                                           .key = printable(input.member)});
    }
    return reader_->read();
  }

 private:
  void open(const InputFile& input) {
    path_.clear();
    lost_.reset();
    reader_.emplace(input.path);
    path_ = input.path;
    next_ = 0;
  }

  std::filesystem::path path_;  // of the archive that is open
  std::optional<ArchiveReader> reader_;
  std::size_t next_ = 0;  // position of the next member
  std::optional<Error> lost_;
};

InputReader::InputReader() : state_(std::make_unique<State>()) {}
InputReader::~InputReader() = default;

Image InputReader::read(const InputFile& input) {
  if (input.frame) return *input.frame;
  if (input.content) return Image::decode(*input.content, input.text());
  if (input.member.empty()) return Image::read(input.path);
  return Image::decode(state_->read_member(input), input.text());
}

}  // namespace sapiens::cli
