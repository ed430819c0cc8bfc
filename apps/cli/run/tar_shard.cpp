#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sapiens/archive.hpp>
#include <sapiens/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/run/feature_files.hpp"
#include "cli/run/unfinished_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kTarBlock = 512;
constexpr std::uint64_t kTarEndMark = 2 * kTarBlock;

struct TarMember {
  std::string name = {};
  std::span<const std::byte> content = {};
};

std::uint64_t in_blocks(std::uint64_t bytes) {
  return (bytes + kTarBlock - 1) / kTarBlock * kTarBlock;
}

/// What a member takes up at most: names that ustar's field does not hold get a header of their
/// own with a few words around them, although some long ones can do without.
std::uint64_t most_bytes_of(const TarMember& member) {
  constexpr std::uint64_t kWords = 64;  // "2016 path=", "21 hdrcharset=BINARY" and line ends
  const bool plain = member.name.size() <= 100 && std::ranges::all_of(member.name, [](char c) {
                       return static_cast<unsigned char>(c) < 0x80;
                     });
  const std::uint64_t name = plain ? 0 : kTarBlock + in_blocks(member.name.size() + kWords);
  return name + kTarBlock + in_blocks(member.content.size());
}

/// `key` for readers that end a key at the first dot of the file name, as WebDataset does: a dot
/// there is written %2E, and a percent sign that would look like one of these, %25.
std::string key_without_dots(const std::string& key) {
  std::string text = key.substr(0, key.rfind('/') + 1);
  for (std::size_t i = text.size(); i < key.size(); ++i) {
    const std::string_view next = std::string_view(key).substr(i + 1, 2);
    if (key[i] == '.') {
      text += "%2E";
    } else if (key[i] == '%' && (next == "2E" || next == "25")) {
      text += "%25";
    } else {
      text += key[i];
    }
  }
  return text;
}

/// The arrays in their order, and then the sidecars.
std::vector<TarMember> members_of(const FeatureSample& sample,
                                  std::span<const EncodedArray> arrays) {
  const std::string key = key_without_dots(sample.key.string());
  std::vector<TarMember> members;
  for (const EncodedArray& array : arrays) members.push_back({key + array.suffix(), array.npy});
  for (const Sidecar& sidecar : sample.sidecars) {
    members.push_back({key + "." + sidecar.field, sidecar.content});
  }
  return members;
}

class TarShard final : public FeatureShard {
 public:
  explicit TarShard(ShardPlace place) : place_(std::move(place)) {
    std::string why;
    if (archives_available(&why)) return;
    throw Error(ErrorCode::UnsupportedFormat, {.summary = "this sapiens cannot write archives",
                                               .file = output_of(0).string(),
                                               .actual = why});
  }

  std::vector<StoredArray> write(const FeatureSample& sample, std::span<const FeatureArray> arrays,
                                 DType dtype) override {
    std::vector<EncodedArray> encoded = encode_arrays(arrays, dtype);
    const std::vector<TarMember> members = members_of(sample, encoded);
    std::uint64_t needed = kTarEndMark;
    for (const TarMember& member : members) needed += most_bytes_of(member);
    if (bytes_ > 0 && bytes_ + needed > place_.bytes) finish_part();

    ArchiveWriter tar = take_writer();
    std::vector<std::uint64_t> offsets;
    offsets.reserve(members.size());
    for (const TarMember& member : members) offsets.push_back(tar.add(member.name, member.content));
    bytes_ = tar.position();
    writer_ = std::move(tar);

    std::vector<StoredArray> stored;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
      stored.push_back({.name = std::move(encoded[i].name),
                        .scale = encoded[i].scale,
                        .shape = std::move(encoded[i].shape),
                        .dtype = encoded[i].dtype,
                        .file = part_name(part_).generic_string(),
                        .offset = offsets[i] + encoded[i].offset});
    }
    return stored;
  }

  Json position() const override { return {{"part", part_}, {"bytes", bytes_}}; }

  void sync() override {
    if (file_) file_->sync();
  }

  void resume(const fs::path& unfinished, const Json& position) override {
    std::uint64_t part = 0;
    std::uint64_t bytes = 0;
    read_position(place_.name, [&] {
      part = position.at("part").get_ref<const Json::number_unsigned_t&>();
      bytes = position.at("bytes").get_ref<const Json::number_unsigned_t&>();
    });
    for (std::uint64_t i = 0; i < part; ++i) {
      find_earlier_file(output_of(i), output_of(i), kTarEndMark);  // it has its name already
    }
    if (bytes > 0) {
      const fs::path earlier =
          find_earlier_file(unfinished_of(unfinished, part), output_of(part), bytes);
      file_.emplace(unfinished_of(place_.unfinished, part), output_of(part), earlier, bytes);
    }
    part_ = part;
    bytes_ = bytes;
  }

  void finish() override {
    // Only a shard without any input has a part without members.
    if (bytes_ > 0 || part_ == 0) finish_part();
  }

  std::vector<fs::path> files() const override {
    std::vector<fs::path> names;
    for (std::uint64_t part = 0; part < part_; ++part) names.push_back(part_name(part));
    return names;
  }

 private:
  fs::path part_name(std::uint64_t part) const {
    fs::path name = place_.name;
    return name += part == 0 ? ".tar" : fmt::format("-part{:04}.tar", part);
  }
  fs::path output_of(std::uint64_t part) const { return place_.output / part_name(part); }
  static fs::path unfinished_of(const fs::path& folder, std::uint64_t part) {
    return folder / fmt::format("part-{:04}.tar", part);
  }

  /// The writer, which is given back once it has written whole inputs. If it is not, the next one
  /// begins behind the last whole input.
  ArchiveWriter take_writer() {
    if (writer_) return *std::exchange(writer_, std::nullopt);
    if (!file_) file_.emplace(unfinished_of(place_.unfinished, part_), output_of(part_));
    file_->cut(bytes_);
    return {file_->descriptor(), file_->output().string(), bytes_};
  }

  void finish_part() {
    take_writer().finish();
    file_->finish();
    file_.reset();
    ++part_;
    bytes_ = 0;
  }

  ShardPlace place_;
  std::uint64_t part_ = 0;   ///< The one that is being written.
  std::uint64_t bytes_ = 0;  ///< Of its whole inputs.
  std::optional<UnfinishedFile> file_ = {};
  std::optional<ArchiveWriter> writer_ = {};
};

}  // namespace

std::unique_ptr<FeatureShard> make_tar_shard(ShardPlace place) {
  return std::make_unique<TarShard>(std::move(place));
}

}  // namespace sapiens::cli
