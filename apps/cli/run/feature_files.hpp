#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sapiens/dtype.hpp>
#include <sapiens/features.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/input/inputs.hpp"
#include "cli/run/jobs.hpp"

namespace sapiens::cli {

/// Which of the arrays of one input it is.
struct FeatureName {
  /// "featmap", "layer05" or "layer05.featmap": what tells it from the others of its input. Empty
  /// where every input has one array.
  std::string text = {};
  Index layer = 0;
  OutType out_type = OutType::Featmap;
};

/// The arrays that each input of a run gives, the blocks in ascending order, of each the forms in
/// the order given.
std::vector<FeatureName> feature_names(std::span<const Index> layers,
                                       std::span<const OutType> out_types);

/// One array of one input. Does not own the numbers.
struct FeatureArray {
  FeatureName name = {};
  std::vector<Index> shape = {};
  std::span<const float> values = {};
};

/// The input that arrays were computed from.
struct FeatureSample {
  std::filesystem::path name = {};         ///< Of files: `Job::name`.
  std::filesystem::path key = {};          ///< Of what lies in a file of many: `Job::key`.
  std::span<const Sidecar> sidecars = {};  ///< To be passed on.
};

/// An array as numbers of the type that is written.
struct EncodedArray {
  FeatureName name = {};
  bool scale = false;  ///< The scales of the rows of the array before it, which is int8.
  std::vector<Index> shape = {};
  DType dtype = DType::F32;
  std::vector<std::byte> npy = {};  ///< A whole .npy file.
  std::size_t offset = 0;           ///< Of the first number in it.

  /// ".layer05.featmap.npy", ".layer05.featmap.scale.npy" or, of the only array, ".npy".
  std::string suffix() const;
};

/// The arrays of one input, converted to `dtype`, which holds all of their numbers: with int8 each
/// is followed by its scales. Throws OutOfResources.
std::vector<EncodedArray> encode_arrays(std::span<const FeatureArray> arrays, DType dtype);

/// Where an array was written.
struct StoredArray {
  FeatureName name = {};
  bool scale = false;  ///< As in EncodedArray.
  std::vector<Index> shape = {};
  DType dtype = DType::F32;
  std::string file = {};     ///< Below the output folder.
  std::uint64_t offset = 0;  ///< Of the first number in the file, in bytes.

  Json json() const;  ///< As the index of a shard has it.
};

/// Where features go. The arrays of one input arrive together, on the thread that writes.
class FeatureSink {
 public:
  FeatureSink() = default;
  FeatureSink(const FeatureSink&) = delete;
  FeatureSink& operator=(const FeatureSink&) = delete;
  virtual ~FeatureSink() = default;

  /// Stores the arrays of an input, converted to `dtype`, which holds all of their numbers. Throws
  /// WriteFailed or OutOfResources; and InvalidArgument, without having written anything, for what
  /// it cannot hold.
  virtual std::vector<StoredArray> write(const FeatureSample& sample,
                                         std::span<const FeatureArray> arrays, DType dtype) = 0;
};

/// Where the files of one shard go. Several processes may write the same shard by mistake: what is
/// not finished yet lies in a folder of its own for each, and finished files are equal.
struct ShardPlace {
  std::filesystem::path output = {};      ///< The folder of the run.
  std::filesystem::path name = {};        ///< Of the shard, below it, without an ending.
  Index number = 0;                       ///< Of the shard in the run.
  std::filesystem::path unfinished = {};  ///< An existing folder for files that are not finished.
  std::uint64_t bytes = std::uint64_t{1} << 30;  ///< About the size of one file.
};

/// A sink for the inputs of one shard, which can be continued after the process was killed.
class FeatureShard : public FeatureSink {
 public:
  /// How far it is, after whole inputs. Whoever continues needs it.
  virtual Json position() const = 0;
  /// Makes sure that everything up to `position` survives a crash of the machine.
  virtual void sync() = 0;
  /// Goes on where another process was at `position`, whose unfinished files lie in `unfinished`,
  /// and are copied; before the first `write`. Throws CorruptFile if they are not there up to that
  /// position; nothing has changed then.
  virtual void resume(const std::filesystem::path& unfinished, const Json& position) = 0;
  /// Gives the files their names. Nothing may be written afterwards.
  virtual void finish() = 0;
  /// Below the output folder, after `finish`; none of a file for each array.
  virtual std::vector<std::filesystem::path> files() const = 0;
};

/// Tar files as WebDataset reads them: NAME.tar, and NAME-part0001.tar and so on where it would
/// become larger than `ShardPlace::bytes`. Holds KEY.npy for each array (KEY.featmap.npy where
/// there are several, KEY.scale.npy for scales), and the sidecars as KEY.json and so on. Throws
/// UnsupportedFormat without the module for archives.
std::unique_ptr<FeatureShard> make_tar_shard(ShardPlace place);

/// Arrays of all inputs in one file, [N, ...] (clip-retrieval, autofaiss): img_emb/img_emb_0012.npy
/// with `ShardPlace::number`, of several arrays featmap_emb/featmap_emb_0012.npy and so on, and
/// with scales img_emb_scale/img_emb_scale_0012.npy. `write` refuses another shape than the first.
std::unique_ptr<FeatureShard> make_npy_shard(ShardPlace place);

/// One .npy file per array; int8 has a second one with the scales of its rows.
class NpyFeatureFiles : public FeatureSink {
 public:
  /// Files lie below `folder`, those of `partial` models are called so. Until they are complete
  /// they lie in `unfinished`, where that is given (ShardPlace), and otherwise beside their final
  /// names.
  NpyFeatureFiles(std::filesystem::path folder, bool partial,
                  std::optional<std::filesystem::path> unfinished = {});

  /// The files of one input, in the order of `names`, scales behind their array.
  std::vector<JobFile> files_of(const std::filesystem::path& key,
                                std::span<const FeatureName> names, DType dtype) const;
  /// Throws InvalidArgument where a file would be called as a folder, or a folder as a file, since
  /// images may be called "a.npy/b.jpg".
  void expect_no_folders(const std::filesystem::path& key, std::span<const FeatureArray> arrays,
                         DType dtype) const;
  /// The drawing of --viz.
  std::filesystem::path image_of(const std::filesystem::path& key) const;

  std::vector<StoredArray> write(const FeatureSample& sample, std::span<const FeatureArray> arrays,
                                 DType dtype) override;

 private:
  std::filesystem::path file_of(const std::filesystem::path& key, const std::string& suffix) const;
  void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) const;

  std::filesystem::path folder_;
  bool partial_;
  std::optional<std::filesystem::path> unfinished_;
};

/// NpyFeatureFiles of one shard; each file is complete by itself.
std::unique_ptr<FeatureShard> make_file_shard(const ShardPlace& place, bool partial);

}  // namespace sapiens::cli
