#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "archive/module.hpp"
#include "core/atomic_file.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"
#include "sapiens/printable.hpp"

namespace sapiens {

class ArchiveWriter::State {
 public:
  State(int descriptor, std::string name, std::uint64_t start)
      : name_(std::move(name)), start_(start), position_(start) {
    writer_.reset(archive::require_module(name_.c_str()).create(descriptor));
    if (!writer_) throw std::bad_alloc();
  }

  std::uint64_t add(std::string_view name, std::span<const std::byte> content) {
    if (name.empty() || name.find('\0') != std::string_view::npos) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "no member of an archive can be called so",
                   .file = name_,
                   .key = printable(name)});
    }
    std::uint64_t before_content = 0;
    std::uint64_t written = 0;
    expect_done(writer().add(std::string(name).c_str(),
                             reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                             before_content, written));
    position_ = start_ + written;
    return start_ + before_content;
  }

  void finish() {
    expect_done(writer().finish());
    writer_.reset();
  }

  std::uint64_t position() const noexcept { return position_; }

 private:
  archive::RawWriter& writer() {
    if (writer_) return *writer_;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the archive is finished, or writing it failed", .file = name_});
  }

  void expect_done(archive::Outcome outcome) {
    if (outcome == archive::Outcome::Done) return;
    const std::unique_ptr<archive::RawWriter> writer = std::exchange(writer_, nullptr);
    if (outcome == archive::Outcome::NoMemory) throw std::bad_alloc();
    if (writer->error_number() != 0) {
      fail_to_write(name_, "writing the archive failed", writer->error_number());
    }
    throw Error(ErrorCode::WriteFailed, {.summary = "writing the archive failed",
                                         .file = name_,
                                         .actual = printable(writer->reason())});
  }

  std::string name_;
  std::uint64_t start_;
  std::uint64_t position_;
  std::unique_ptr<archive::RawWriter> writer_;
};

ArchiveWriter::ArchiveWriter(int descriptor, std::string name, std::uint64_t position)
    : state_(std::make_unique<State>(descriptor, std::move(name), position)) {}

ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;
ArchiveWriter& ArchiveWriter::operator=(ArchiveWriter&&) noexcept = default;
ArchiveWriter::~ArchiveWriter() = default;

std::uint64_t ArchiveWriter::add(std::string_view name, std::span<const std::byte> content) {
  return state_->add(name, content);
}

std::uint64_t ArchiveWriter::position() const noexcept { return state_->position(); }

void ArchiveWriter::finish() { state_->finish(); }

}  // namespace sapiens
