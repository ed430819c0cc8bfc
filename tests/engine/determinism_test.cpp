#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

#include "sapiens/detector.hpp"
#include "sapiens/machine.hpp"
#include "sapiens/reconstruct.hpp"
#include "sapiens/tasks.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

/// The bits of what a model returns for an image.
using Bits = std::string;

template <typename T>
void append(Bits& bits, const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t before = bits.size();
  bits.resize(before + values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bits.data() + before, values.data(), values.size() * sizeof(T));
}

/// A loaded model of any kind.
class Subject {
 public:
  Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  virtual ~Subject() = default;
  /// What each of `images` gives, computed at most `batch` at a time.
  virtual std::vector<Bits> run(std::span<const Image* const> images, std::size_t batch) = 0;
};

ModelOptions options_of(const Golden& golden) {
  const auto& facts = golden.facts();
  // Sapiens2 tells its heads, and not the size that it was trained with.
  if (facts.value("family", "sapiens") == "sapiens2") return {.input_size = Grid{112, 80}};
  if (!facts.contains("backbone")) return golden.options();
  return {.heads = facts["backbone"]["arch"]["num_heads"]};
}

class FeatureSubject : public Subject {
 public:
  FeatureSubject(const Golden& golden, const EngineOptions& engine)
      : encoder_(Checkpoint::open(golden.file(golden.facts()["checkpoint"])), options_of(golden),
                 engine) {
    if (!golden.facts().contains("family")) options_.out_types.pop_back();
  }

  std::vector<Bits> run(std::span<const Image* const> images, std::size_t batch) override {
    std::vector<Bits> results;
    for (std::size_t first = 0; first < images.size(); first += batch) {
      const auto part = images.subspan(first, std::min(batch, images.size() - first));
      add_batch(part, encoder_.input_size(), results);
      // Another size between them, with other positions.
      std::vector<Bits> small;
      for (const Image* image : part) add_batch({&image, 1}, {48, 64}, small);
      for (std::size_t i = 0; i < part.size(); ++i) results[first + i] += small[i];
    }
    return results;
  }

 private:
  void add_batch(std::span<const Image* const> images, Grid size, std::vector<Bits>& results) {
    std::vector<FloatArray> pixels;
    std::vector<TensorView<const float, 3>> views;
    for (const Image* image : images) {
      pixels.push_back(encoder_.preprocess(*image, PreprocessMode::Full, size));
    }
    for (const FloatArray& each : pixels) views.push_back(each.view<3>());
    const FeatureRun found = encoder_.run(views, options_);
    for (std::size_t i = 0; i < images.size(); ++i) {
      Bits bits;
      for (const LayerFeatures& layer : found.layers) {
        const auto& values = layer.values.values;
        const std::size_t length = values.size() / images.size();
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * length);
        append(bits, std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(length)));
      }
      results.push_back(std::move(bits));
    }
  }

  Encoder encoder_;
  FeatureOptions options_{.out_types = {kAllOutTypes.begin(), kAllOutTypes.end()},
                          .layers = {0, -1}};
};

Bits bits_of(const Result& result) {
  Bits bits;
  if (const FloatArray* map = map_of(result)) append(bits, map->values);
  if (const auto* classes = std::get_if<Segmentation>(&result)) append(bits, classes->ids);
  if (const auto* pose = std::get_if<Pose>(&result)) append(bits, pose->keypoints);
  return bits;
}

class TaskSubject : public Subject {
 public:
  TaskSubject(const Golden& golden, const EngineOptions& engine)
      : model_(Checkpoint::open(golden.file(golden.facts()["kind"].get<std::string>() + ".pth")),
               options_of(golden), engine) {}

  std::vector<Bits> run(std::span<const Image* const> images, std::size_t batch) override {
    std::vector<Bits> results;
    for (std::size_t first = 0; first < images.size(); first += batch) {
      std::vector<PreparedImage> prepared;
      for (const Image* image : images.subspan(first, std::min(batch, images.size() - first))) {
        prepared.push_back(model_.prepare(*image));
      }
      const std::vector<TaskInput> inputs(prepared.begin(), prepared.end());
      for (const Result& result : model_.run(inputs).results) results.push_back(bits_of(result));
    }
    return results;
  }

 private:
  TaskModel model_;
};

/// One image at a time, whatever the batch.
class DetectorSubject : public Subject {
 public:
  DetectorSubject(const Golden& golden, const EngineOptions& engine)
      : detector_(Checkpoint::open(golden.file("rtmdet.pth")), engine) {}

  std::vector<Bits> run(std::span<const Image* const> images, std::size_t) override {
    std::vector<Bits> results;
    for (const Image* image : images) {
      append(results.emplace_back(), detector_.detect(*image, {.min_score = 0.01f}).persons);
    }
    return results;
  }

 private:
  PersonDetector detector_;
};

class ReconstructSubject : public Subject {
 public:
  ReconstructSubject(const Golden& golden, const EngineOptions& engine)
      : model_(Checkpoint::open(golden.file("encoder.pth")),
               {.heads = golden.facts()["arch"]["num_heads"],
                .decoder_heads = golden.facts()["decoder"]["num_heads"]},
               engine) {}

  std::vector<Bits> run(std::span<const Image* const> images, std::size_t) override {
    std::vector<Bits> results;
    for (const Image* image : images) {
      const Reconstruction found = model_.run(*image, {.seed = 5});
      Bits& bits = results.emplace_back();
      append(bits, found.reconstruction.rgb);
      append(bits, found.masked.rgb);
      append(bits, std::vector<double>{found.masked_error, found.mean_error});
    }
    return results;
  }

 private:
  Reconstructor model_;
};

template <typename Kind>
std::unique_ptr<Subject> open_subject(const char* golden, const EngineOptions& engine) {
  return std::make_unique<Kind>(Golden(golden), engine);
}

struct SubjectKind {
  const char* golden;
  std::unique_ptr<Subject> (*open)(const char* golden, const EngineOptions&);
  std::size_t images = 7;
};

constexpr SubjectKind kKinds[] = {{"encoder_sq128", open_subject<FeatureSubject>},
                                  {"sapiens2_sq128", open_subject<FeatureSubject>},
                                  {"sapiens2_mha12", open_subject<FeatureSubject>},
                                  {"task_pose", open_subject<TaskSubject>},
                                  {"task_seg", open_subject<TaskSubject>},
                                  {"task_depth", open_subject<TaskSubject>},
                                  {"task_normal", open_subject<TaskSubject>},
                                  {"rtmdet", open_subject<DetectorSubject>, 2},
                                  {"mae_reconstruct", open_subject<ReconstructSubject>}};

/// Images of noise, of different sizes.
std::vector<Image> make_images(std::size_t count) {
  constexpr Index kSizes[][2] = {{40, 30}, {131, 73}, {33, 70}, {96, 96},
                                 {17, 5},  {50, 40},  {8, 9}};
  std::vector<Image> images;
  std::mt19937 random(1);
  for (std::size_t i = 0; i < count; ++i) {
    Image image{.width = kSizes[i][0], .height = kSizes[i][1], .rgb = {}};
    image.rgb.resize(static_cast<std::size_t>(image.width * image.height * 3));
    for (auto& value : image.rgb) value = static_cast<std::uint8_t>(random());
    images.push_back(std::move(image));
  }
  return images;
}

class Determinism : public testing::TestWithParam<std::tuple<SubjectKind, Precision>> {
 protected:
  std::unique_ptr<Subject> open(int threads, const std::string& isa = "") const {
    return kind_.open(kind_.golden, {.threads = threads, .isa = isa, .precision = precision_});
  }

  /// What `subject` returns for the images in an order of its own, in the order of the images.
  std::vector<Bits> shuffled(Subject& subject, std::size_t batch) {
    std::vector<std::size_t> order(images_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random_);
    std::vector<const Image*> images;
    for (const std::size_t at : order) images.push_back(&images_[at]);
    std::vector<Bits> found = subject.run(images, batch), sorted(found.size());
    for (std::size_t i = 0; i < order.size(); ++i) sorted[order[i]] = std::move(found[i]);
    return sorted;
  }

  /// Alone, in order, on one thread.
  std::vector<Bits> expected(const std::string& isa = "") const {
    std::vector<const Image*> images;
    for (const Image& image : images_) images.push_back(&image);
    return open(1, isa)->run(images, 1);
  }

  const SubjectKind kind_ = std::get<0>(GetParam());
  const Precision precision_ = std::get<1>(GetParam());
  std::vector<Image> images_ = make_images(kind_.images);
  std::mt19937 random_{7};
};

TEST_P(Determinism, TheBitsDependOnNeitherThreadsNorBatchNorOrder) {
  struct Setting {
    int threads;
    std::size_t batch;
  };
  constexpr Setting kSettings[] = {{3, 2}, {8, 3}, {1, 7}, {2, 3}, {5, 1}, {5, 7}, {2, 2}};
  // SAPIENS_TEST_ROUNDS=100 tries a hundred times as many orders.
  const char* const rounds = std::getenv("SAPIENS_TEST_ROUNDS");
  for (const std::string& isa : kernel_levels()) {
    SCOPED_TRACE(isa);
    // The reference kernels take a hundred times as long.
    const bool slow = isa == "reference" && !rounds;
    images_ = make_images(slow ? (kind_.images + 1) / 3 : kind_.images);
    const std::vector<Bits> alone = expected(isa);
    for (const Setting& setting : std::span(kSettings).first(slow ? 1 : std::size(kSettings))) {
      const auto subject = open(setting.threads, isa);
      for (int round = rounds ? std::atoi(rounds) : 1; round > 0; --round) {
        EXPECT_TRUE(shuffled(*subject, setting.batch) == alone)
            << setting.threads << " threads, batch " << setting.batch;
      }
    }
  }
}

TEST_P(Determinism, TheBitsDoNotDependOnOtherModels) {
  const std::vector<Bits> alone = expected();
  const auto& other_kind = kKinds[0];
  const auto other = other_kind.open(other_kind.golden, {.threads = 2, .precision = precision_});
  const auto subject = open(2);
  std::atomic<bool> ended = false;
  std::thread at_once([&] {
    while (!ended) {
      const Image* const image = &images_[0];
      other->run({&image, 1}, 1);
    }
  });
  std::vector<Bits> during = shuffled(*subject, 3);
  ended = true;
  at_once.join();
  EXPECT_TRUE(during == alone);
  // One image of each in turn.
  for (std::size_t i = 0; i < images_.size(); ++i) {
    const Image* const image = &images_[i];
    EXPECT_TRUE(subject->run({&image, 1}, 1)[0] == alone[i]) << i;
    other->run({&image, 1}, 1);
  }
}

TEST_P(Determinism, TheBitsDoNotDependOnLoad) {
  const std::vector<Bits> alone = expected();
  const auto subject = open(5);
  std::atomic<bool> ended = false;
  std::vector<std::thread> load;
  for (int i = 0; i < 4; ++i) {
    load.emplace_back([&] {
      while (!ended) {
        // Computes without a pause, so that the scheduler has to interrupt the pool's threads.
      }
    });
  }
  const std::vector<Bits> found = shuffled(*subject, 3);
  ended = true;
  for (std::thread& each : load) each.join();
  EXPECT_TRUE(found == alone);
}

TEST_P(Determinism, TheBitsDoNotDependOnTheCache) {
  const std::vector<Bits> alone = expected();
  for (const char* l2 : {"16K", "100K", "64M"}) {
    setenv("SAPIENS_L2_CACHE", l2, 1);
    const auto subject = open(2);
    unsetenv("SAPIENS_L2_CACHE");
    EXPECT_TRUE(shuffled(*subject, 2) == alone) << l2;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryModel, Determinism,
                         testing::Combine(testing::ValuesIn(kKinds),
                                          testing::Values(Precision::Fp32, Precision::Bf16,
                                                          Precision::Int8)),
                         [](const auto& setting) {
                           return std::get<0>(setting.param).golden + std::string("_") +
                                  std::string(precision_name(std::get<1>(setting.param)));
                         });

}  // namespace
}  // namespace sapiens
