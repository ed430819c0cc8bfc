#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "hub/partial_file.hpp"
#include "sapiens/error.hpp"
#include "sapiens/hub.hpp"

namespace sapiens {
namespace {

// As the model cards of Meta's repositories state it.
constexpr std::string_view kNonCommercial = "CC BY-NC 4.0, not for commercial use";
constexpr std::string_view kSeePage = "stated on its page";

// Names of files are those of the original's READMEs, and repositories those that the page
// huggingface.co/facebook/sapiens lists. No 308 keypoints and no segmentation were released for
// 2b. Sizes are four bytes for each parameter. OpenMMLab ends names with the first eight digits of
// a file's SHA-256.
constexpr std::array kPublished = std::to_array<PublishedFile>({
    {"0.3b:pretrain", "0.3b", "pretrain", "facebook/sapiens-pretrain-0.3b",
     "sapiens_0.3b_epoch_1600_clean.pth", kNonCommercial, 1'229'180'928, ""},
    {"0.6b:pretrain", "0.6b", "pretrain", "facebook/sapiens-pretrain-0.6b",
     "sapiens_0.6b_epoch_1600_clean.pth", kNonCommercial, 2'543'641'600, ""},
    {"1b:pretrain", "1b", "pretrain", "facebook/sapiens-pretrain-1b",
     "sapiens_1b_epoch_173_clean.pth", kNonCommercial, 4'562'958'336, ""},
    {"2b:pretrain", "2b", "pretrain", "facebook/sapiens-pretrain-2b",
     "sapiens_2b_epoch_660_clean.pth", kNonCommercial, 8'535'651'840, ""},
    {"0.3b:pose17", "0.3b", "pose17", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_0.3b/sapiens_0.3b_coco_best_coco_AP_796.pth", kSeePage,
     1'317'835'844, ""},
    {"0.6b:pose17", "0.6b", "pose17", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_0.6b/sapiens_0.6b_coco_best_coco_AP_812.pth", kSeePage,
     2'643'828'804, ""},
    {"1b:pose17", "1b", "pose17", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_1b/sapiens_1b_coco_best_coco_AP_821.pth", kSeePage,
     4'674'677'828, ""},
    {"2b:pose17", "2b", "pose17", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_2b/sapiens_2b_coco_best_coco_AP_822.pth", kSeePage,
     8'664'669'764, ""},
    {"0.3b:pose133", "0.3b", "pose133", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_0.3b/"
     "sapiens_0.3b_coco_wholebody_best_coco_wholebody_AP_620.pth",
     kSeePage, 1'318'192'660, ""},
    {"0.6b:pose133", "0.6b", "pose133", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_0.6b/"
     "sapiens_0.6b_coco_wholebody_best_coco_wholebody_AP_695.pth",
     kSeePage, 2'644'185'620, ""},
    {"1b:pose133", "1b", "pose133", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_1b/"
     "sapiens_1b_coco_wholebody_best_coco_wholebody_AP_727.pth",
     kSeePage, 4'675'034'644, ""},
    {"2b:pose133", "2b", "pose133", "noahcao/sapiens-pose-coco",
     "sapiens_host/pose/checkpoints/sapiens_2b/"
     "sapiens_2b_coco_wholebody_best_coco_wholebody_AP_745.pth",
     kSeePage, 8'665'026'580, ""},
    {"0.3b:pose308", "0.3b", "pose308", "facebook/sapiens-pose-0.3b",
     "sapiens_0.3b_goliath_best_goliath_AP_573.pth", kNonCommercial, 1'318'730'960, ""},
    {"0.6b:pose308", "0.6b", "pose308", "facebook/sapiens-pose-0.6b",
     "sapiens_0.6b_goliath_best_goliath_AP_609.pth", kNonCommercial, 2'644'723'920, ""},
    {"1b:pose308", "1b", "pose308", "facebook/sapiens-pose-1b",
     "sapiens_1b_goliath_best_goliath_AP_639.pth", kNonCommercial, 4'675'572'944, ""},
    {"0.3b:seg", "0.3b", "seg", "facebook/sapiens-seg-0.3b",
     "sapiens_0.3b_goliath_best_goliath_mIoU_7673_epoch_194.pth", kNonCommercial, 1'357'980'784,
     ""},
    {"0.6b:seg", "0.6b", "seg", "facebook/sapiens-seg-0.6b",
     "sapiens_0.6b_goliath_best_goliath_mIoU_7777_epoch_178.pth", kNonCommercial, 2'683'973'744,
     ""},
    {"1b:seg", "1b", "seg", "facebook/sapiens-seg-1b",
     "sapiens_1b_goliath_best_goliath_mIoU_7994_epoch_151.pth", kNonCommercial, 4'714'822'768, ""},
    {"0.3b:depth", "0.3b", "depth", "facebook/sapiens-depth-0.3b",
     "sapiens_0.3b_render_people_epoch_100.pth", kNonCommercial, 1'279'640'068, ""},
    {"0.6b:depth", "0.6b", "depth", "facebook/sapiens-depth-0.6b",
     "sapiens_0.6b_render_people_epoch_70.pth", kNonCommercial, 2'599'341'572, ""},
    {"1b:depth", "1b", "depth", "facebook/sapiens-depth-1b",
     "sapiens_1b_render_people_epoch_88.pth", kNonCommercial, 4'623'899'140, ""},
    {"2b:depth", "2b", "depth", "facebook/sapiens-depth-2b",
     "sapiens_2b_render_people_epoch_25.pth", kNonCommercial, 8'604'453'892, ""},
    {"0.3b:normal", "0.3b", "normal", "facebook/sapiens-normal-0.3b",
     "sapiens_0.3b_normal_render_people_epoch_66.pth", kNonCommercial, 1'357'903'884, ""},
    {"0.6b:normal", "0.6b", "normal", "facebook/sapiens-normal-0.6b",
     "sapiens_0.6b_normal_render_people_epoch_200.pth", kNonCommercial, 2'683'896'844, ""},
    {"1b:normal", "1b", "normal", "facebook/sapiens-normal-1b",
     "sapiens_1b_normal_render_people_epoch_115.pth", kNonCommercial, 4'714'745'868, ""},
    {"2b:normal", "2b", "normal", "facebook/sapiens-normal-2b",
     "sapiens_2b_normal_render_people_epoch_70.pth", kNonCommercial, 8'704'737'804, ""},
    {"detector", "rtmdet-m", "detect", "facebook/sapiens-pose-bbox-detector",
     "rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth", kSeePage, 98'653'788, "235e8209"},
});

namespace fs = std::filesystem;

/// Empty for a variable that is not set.
fs::path folder_in(const char* variable) {
  const char* const value = std::getenv(variable);
  return value ? value : "";
}

/// "0.3b:dance": the size is one of ours, so the rest is a mistake in a name and not a path.
bool has_size_of_ours(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos &&
         std::ranges::any_of(published_files(), [&](const PublishedFile& file) {
           return file.model == text.substr(0, colon);
         });
}

[[noreturn]] void refuse_name(const std::string& name) {
  std::vector<std::string_view> known;
  for (const PublishedFile& file : published_files()) {
    if (file.model == std::string_view(name).substr(0, name.find(':'))) known.push_back(file.name);
  }
  throw Error(ErrorCode::NotFound,
              {.summary = "there is neither a file nor a published checkpoint of this name",
               .file = name,
               .expected = fmt::format("{}", fmt::join(known, ", ")),
               .hint = "`published_files` shows all"});
}

}  // namespace

std::span<const PublishedFile> published_files() noexcept { return kPublished; }

std::uint64_t max_download_bytes(const PublishedFile& file) noexcept {
  constexpr std::uint64_t kMargin = std::uint64_t{1} << 24, kMaxUnknown = std::uint64_t{1} << 35;
  return file.approximate_bytes == 0 ? kMaxUnknown : 2 * file.approximate_bytes + kMargin;
}

const PublishedFile* find_published(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kPublished, name, &PublishedFile::name);
  return found == kPublished.end() ? nullptr : found;
}

fs::path hub::partial_name(const fs::path& path) { return path.string() + ".partial"; }

fs::path checkpoint_cache() {
  if (const fs::path chosen = folder_in("SAPIENS_CACHE"); !chosen.empty()) return chosen;
  // The specification of XDG has relative paths ignored.
  if (const fs::path xdg = folder_in("XDG_CACHE_HOME"); xdg.is_absolute()) return xdg / "sapiens";
  if (const fs::path home = folder_in("HOME"); home.is_absolute()) {
    return home / ".cache" / "sapiens";
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is no folder for downloaded checkpoints",
               .expected = "SAPIENS_CACHE, XDG_CACHE_HOME or HOME in the environment",
               .hint = "set SAPIENS_CACHE to a folder"});
}

fs::path find_checkpoint(const std::string& path_or_name) {
  std::error_code ignored;
  const PublishedFile* const file = find_published(path_or_name);
  if (!file) {
    if (has_size_of_ours(path_or_name) && !fs::exists(path_or_name, ignored)) {
      refuse_name(path_or_name);
    }
    return path_or_name;
  }
  if (fs::is_regular_file(path_or_name, ignored)) return path_or_name;  // no folder "detector"
  const fs::path path = checkpoint_cache() / file->file_name();
  if (fs::exists(path, ignored)) return path;
  const bool begun = fs::exists(hub::partial_name(path), ignored);
  throw Error(ErrorCode::NotFound,
              {.summary = begun ? "the download of this checkpoint is not finished"
                                : "this checkpoint has not been downloaded",
               .file = path_or_name,
               .actual = fmt::format("{} does not exist", path.string()),
               .hint = fmt::format("`sapiens pull {}` {}", file->name,
                                   begun ? "goes on with it" : "downloads it")});
}

}  // namespace sapiens
