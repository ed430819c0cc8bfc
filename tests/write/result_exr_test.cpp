#include <OpenEXR/openexr.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "sapiens/error.hpp"
#include "sapiens/result_files.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

struct StoredExr {
  Index width = 0, height = 0;
  std::map<std::string, std::vector<float>> channels = {};
};

/// Reads with OpenEXR itself.
StoredExr read_stored(const std::string& path) {
  StoredExr stored;
  exr_context_t file = nullptr;
  EXPECT_EQ(exr_start_read(&file, path.c_str(), nullptr), EXR_ERR_SUCCESS);
  exr_attr_box2i_t window;
  exr_get_data_window(file, 0, &window);
  stored.width = window.max.x - window.min.x + 1;
  stored.height = window.max.y - window.min.y + 1;
  std::int32_t rows = 0;
  exr_get_scanlines_per_chunk(file, 0, &rows);
  exr_decode_pipeline_t decoder = {};
  for (int y = 0; y < stored.height; y += rows) {
    exr_chunk_info_t chunk;
    exr_read_scanline_chunk_info(file, 0, y, &chunk);
    if (y == 0) exr_decoding_initialize(file, 0, &chunk, &decoder);
    if (y > 0) exr_decoding_update(file, 0, &chunk, &decoder);
    for (int c = 0; c < decoder.channel_count; ++c) {
      exr_coding_channel_info_t& channel = decoder.channels[c];
      EXPECT_EQ(channel.data_type, EXR_PIXEL_FLOAT);
      auto& values = stored.channels[channel.channel_name];
      values.resize(static_cast<std::size_t>(stored.width * stored.height));
      channel.user_pixel_stride = sizeof(float);
      channel.user_line_stride = static_cast<int>(stored.width * sizeof(float));
      channel.decode_to_ptr = reinterpret_cast<std::uint8_t*>(values.data() + y * stored.width);
    }
    if (y == 0) exr_decoding_choose_default_routines(file, 0, &decoder);
    EXPECT_EQ(exr_decoding_run(file, 0, &decoder), EXR_ERR_SUCCESS);
  }
  exr_decoding_destroy(file, &decoder);
  exr_finish(&file);
  return stored;
}

class ResultExr : public testing::Test {
 protected:
  Scratch folder_;
  const std::string path_ = folder_ / "result.exr";
};

TEST_F(ResultExr, DepthsKeepEveryBitInOneChannel) {
  std::vector<float> depths(37 * 53);
  for (std::size_t i = 0; i < depths.size(); ++i) {
    depths[i] = std::sin(static_cast<float>(i * i));
  }
  depths[5] = -std::numeric_limits<float>::infinity();
  write_depth_exr(path_, {depths.data(), {37, 53}});
  const StoredExr stored = read_stored(path_);
  EXPECT_EQ(stored.width, 53);
  EXPECT_EQ(stored.height, 37);
  ASSERT_EQ(stored.channels.size(), 1u);
  EXPECT_EQ(stored.channels.at("Z"), depths);
}

TEST_F(ResultExr, NormalsHaveTheAxesAsColours) {
  const std::vector<float> normals = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  write_normals_exr(path_, {normals.data(), {2, 2, 3}});
  const StoredExr stored = read_stored(path_);
  ASSERT_EQ(stored.channels.size(), 3u);
  EXPECT_EQ(stored.channels.at("R"), (std::vector<float>{1, 4, 7, 10}));
  EXPECT_EQ(stored.channels.at("G"), (std::vector<float>{2, 5, 8, 11}));
  EXPECT_EQ(stored.channels.at("B"), (std::vector<float>{3, 6, 9, 12}));
}

TEST_F(ResultExr, ReadsStridedViews) {
  const std::vector<float> depths = {1, 2, -9, 3, 4, -9};
  write_depth_exr(path_, TensorView<const float, 2>(depths.data(), {2, 2}, {3, 1}));
  EXPECT_EQ(read_stored(path_).channels.at("Z"), (std::vector<float>{1, 2, 3, 4}));
}

TEST_F(ResultExr, IsNotWrittenForWhatIsNoImage) {
  const std::vector<float> values(8);
  for (const auto& call :
       std::vector<std::function<void()>>{[&] { write_depth_exr(path_, {}); },
                                          [&] {
                                            write_normals_exr(path_, {values.data(), {2, 2, 2}});
                                          },
                                          [&] {
                                            write_normals_exr(path_, {values.data(), {0, 2, 3}});
                                          }}) {
    try {
      call();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(ResultExr, SaysWhenTheFolderDoesNotExist) {
  const float one = 1;
  try {
    write_depth_exr(folder_ / "no such folder/x.exr", {&one, {1, 1}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::WriteFailed);
  }
}

}  // namespace
}  // namespace sapiens
