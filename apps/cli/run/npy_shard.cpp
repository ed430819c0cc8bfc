#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <sapiens/dtype.hpp>
#include <sapiens/error.hpp>
#include <sapiens/printable.hpp>
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

std::string_view npy_type_of(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return "<f2";
    case DType::BF16:
      return "<V2";  // as encode_npy has it
    case DType::I8:
      return "|i1";
    default:
      return "<f4";
  }
}

DType dtype_called(const std::string& name) {
  constexpr DType kWritten[] = {DType::F32, DType::F16, DType::BF16, DType::I8};
  const auto* const found = std::ranges::find(kWritten, name, dtype_name);
  if (found != std::end(kWritten)) return *found;
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the position of an earlier process names an unknown type of numbers",
               .actual = printable(name)});
}

/// The same array of every input: a row is that of one input.
struct RowFormat {
  std::string name = {};  ///< FeatureName::text
  bool scale = false;
  DType dtype = DType::F32;
  std::vector<Index> shape = {};  ///< Of a row.

  bool operator==(const RowFormat&) const = default;

  std::string text() const {
    return fmt::format("{}{}{}{} [{}]", name, name.empty() ? "" : " ", scale ? "scales " : "",
                       dtype_name(dtype), fmt::join(shape, ", "));
  }

  std::uint64_t row_bytes() const {
    std::uint64_t bytes = dtype_size(dtype);
    for (const Index extent : shape) bytes *= static_cast<std::uint64_t>(extent);
    return bytes;
  }

  /// NumPy's description of `rows` rows.
  std::string description(std::uint64_t rows) const {
    std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},",
                                   npy_type_of(dtype), rows);
    for (const Index extent : shape) text += fmt::format(" {},", extent);
    if (!shape.empty()) text.pop_back();  // NumPy writes the last comma of a single number alone
    return text + "), }";
  }

  /// Of the header, which has room for any number of rows, since that is known at the end.
  std::size_t header_bytes() const {
    constexpr std::size_t kAlignment = 64;
    constexpr std::size_t kAround = 11;  // what is in front of the description, and a line end
    const std::size_t most =
        kAround + description(std::numeric_limits<std::uint64_t>::max()).size();
    return (most + kAlignment - 1) / kAlignment * kAlignment;
  }

  std::string header(std::uint64_t rows) const {
    using namespace std::string_literals;
    const std::size_t size = header_bytes() - 10;
    std::string text = description(rows);
    text.resize(size - 1, ' ');
    return "\x93NUMPY\1\0"s + static_cast<char>(size & 0xff) + static_cast<char>(size >> 8) + text +
           '\n';
  }
};

std::vector<RowFormat> formats_of(std::span<const EncodedArray> arrays) {
  std::vector<RowFormat> formats;
  for (const EncodedArray& array : arrays) {
    formats.push_back({array.name.text, array.scale, array.dtype, array.shape});
  }
  return formats;
}

std::string text_of(std::span<const RowFormat> formats) {
  std::vector<std::string> texts;
  for (const RowFormat& format : formats) texts.push_back(format.text());
  return fmt::format("{}", fmt::join(texts, ", "));
}

/// Of a position, which anybody may have written: the name becomes one of files.
void expect_possible(const RowFormat& format, std::uint64_t rows) {
  constexpr double kMax = 1e18;  // offsets are within 64 bits
  double bytes = static_cast<double>(rows) * static_cast<double>(dtype_size(format.dtype));
  bool possible = format.name.find('/') == std::string::npos && format.shape.size() <= 8;
  for (const Index extent : format.shape) {
    possible = possible && extent > 0;
    bytes *= static_cast<double>(extent);
  }
  if (possible && bytes < kMax) return;
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the position of an earlier process describes no array",
               .actual = printable(format.text())});
}

class NpyShard final : public FeatureShard {
 public:
  explicit NpyShard(ShardPlace place) : place_(std::move(place)) {}

  std::vector<StoredArray> write(const FeatureSample& sample, std::span<const FeatureArray> arrays,
                                 DType dtype) override {
    std::vector<EncodedArray> encoded = encode_arrays(arrays, dtype);
    const std::vector<RowFormat> formats = formats_of(encoded);
    if (rows_ == 0) {
      begin(formats);
    } else {
      expect_as_before(formats, sample);
    }
    std::vector<StoredArray> stored;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
      EncodedArray& array = encoded[i];
      const std::uint64_t offset = end_of(formats_[i]);
      files_[i].write_at(offset, std::span(array.npy).subspan(array.offset));
      stored.push_back({.name = std::move(array.name),
                        .scale = array.scale,
                        .shape = std::move(array.shape),
                        .dtype = array.dtype,
                        .file = file_of(formats_[i]).generic_string(),
                        .offset = offset});
    }
    ++rows_;
    return stored;
  }

  Json position() const override {
    Json arrays = Json::array();
    for (const RowFormat& format : formats_) {
      arrays.push_back({{"name", format.name},
                        {"scale", format.scale},
                        {"dtype", dtype_name(format.dtype)},
                        {"shape", format.shape}});
    }
    return {{"rows", rows_}, {"arrays", std::move(arrays)}};
  }

  void sync() override {
    for (UnfinishedFile& file : files_) file.sync();
  }

  void resume(const fs::path& unfinished, const Json& position) override {
    NpyShard earlier(place_);
    read_position(place_.name, [&] {
      earlier.rows_ = position.at("rows").get_ref<const Json::number_unsigned_t&>();
      for (const Json& array : position.at("arrays")) {
        earlier.formats_.push_back({array.at("name").get<std::string>(),
                                    array.at("scale").get<bool>(),
                                    dtype_called(array.at("dtype").get<std::string>()),
                                    array.at("shape").get<std::vector<Index>>()});
      }
    });
    for (const RowFormat& format : earlier.formats_) expect_possible(format, earlier.rows_);
    if (earlier.rows_ == 0) return;
    std::vector<fs::path> found;
    for (const RowFormat& format : earlier.formats_) {
      found.push_back(find_earlier_file(unfinished / unfinished_name(format),
                                        place_.output / file_of(format), earlier.end_of(format)));
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      const RowFormat& format = earlier.formats_[i];
      earlier.files_.emplace_back(place_.unfinished / unfinished_name(format),
                                  place_.output / file_of(format), found[i],
                                  earlier.end_of(format));
    }
    rows_ = earlier.rows_;
    formats_.swap(earlier.formats_);
    files_.swap(earlier.files_);
  }

  void finish() override {
    if (rows_ == 0) return;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      files_[i].cut(end_of(formats_[i]));
      const std::string header = formats_[i].header(rows_);
      files_[i].write_at(0, std::as_bytes(std::span(header)));
    }
    for (UnfinishedFile& file : files_) file.finish();
  }

  std::vector<fs::path> files() const override {
    std::vector<fs::path> names;
    for (const RowFormat& format : formats_) {
      if (rows_ > 0) names.push_back(file_of(format));
    }
    return names;
  }

 private:
  /// Before there is a row, so that a first input that could not be written decides nothing.
  void begin(const std::vector<RowFormat>& formats) {
    files_.clear();
    formats_ = formats;
    for (const RowFormat& format : formats_) {
      files_.emplace_back(place_.unfinished / unfinished_name(format),
                          place_.output / file_of(format));
    }
  }

  void expect_as_before(const std::vector<RowFormat>& formats, const FeatureSample& sample) const {
    if (formats == formats_) return;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the arrays differ from those of the shard's other inputs, which lie "
                            "in the same file",
                 .file = printable(sample.key.string()),
                 .expected = text_of(formats_),
                 .actual = text_of(formats),
                 .hint = "--format webdataset and npy hold arrays of different shapes"});
  }

  static std::string prefix_of(const RowFormat& format) {
    return fmt::format("{}_emb{}", format.name.empty() ? "img" : format.name,
                       format.scale ? "_scale" : "");
  }
  static std::string unfinished_name(const RowFormat& format) { return prefix_of(format) + ".npy"; }
  /// Below the output folder.
  fs::path file_of(const RowFormat& format) const {
    const std::string prefix = prefix_of(format);
    return fs::path(prefix) / fmt::format("{}_{:04}.npy", prefix, place_.number);
  }

  /// Where the next row begins.
  std::uint64_t end_of(const RowFormat& format) const {
    return format.header_bytes() + rows_ * format.row_bytes();
  }

  ShardPlace place_;
  std::uint64_t rows_ = 0;
  std::vector<RowFormat> formats_ = {};
  std::vector<UnfinishedFile> files_ = {};  ///< One for each of `formats_`.
};

}  // namespace

std::unique_ptr<FeatureShard> make_npy_shard(ShardPlace place) {
  return std::make_unique<NpyShard>(std::move(place));
}

}  // namespace sapiens::cli
