#include <algorithm>
#include <array>

#include "sapiens/hub.hpp"

namespace sapiens {
namespace {

// As the model cards of Meta's repositories state it.
constexpr std::string_view kNonCommercial = "CC BY-NC 4.0, not for commercial use";
constexpr std::string_view kSeePage = "stated on its page";
// As timm, which names the repositories of these copies, states it.
constexpr std::string_view kSapiens2 = "Sapiens2 License, which forbids some uses";
constexpr std::string_view kSapiens2Url =
    "https://github.com/facebookresearch/sapiens2/blob/main/LICENSE.md";

// Names of files are those of the original's READMEs, and repositories those that the page
// huggingface.co/facebook/sapiens lists. No 308 keypoints and no segmentation were released for
// 2b. Sizes are four bytes for each parameter. OpenMMLab ends names with the first eight digits of
// a file's SHA-256. The encoders of Sapiens2 lie in the repositories that timm 1.0.31 names
// (models/eva.py), whose loader asks each of them for one file of this name (models/_hub.py).
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
    {"sapiens2_0.1b", "sapiens2_0.1b", "pretrain", "timm/vit_base_patch16_sapiens2.fb",
     "model.safetensors", kSapiens2, 455'973'888, "", "sapiens2_0.1b.safetensors", kSapiens2Url},
    {"sapiens2_0.4b", "sapiens2_0.4b", "pretrain", "timm/vit_large_patch16_sapiens2.fb",
     "model.safetensors", kSapiens2, 1'581'801'472, "", "sapiens2_0.4b.safetensors", kSapiens2Url},
    {"sapiens2_0.8b", "sapiens2_0.8b", "pretrain", "timm/vit_huge_patch16_sapiens2.fb",
     "model.safetensors", kSapiens2, 3'257'134'080, "", "sapiens2_0.8b.safetensors", kSapiens2Url},
    {"sapiens2_1b", "sapiens2_1b", "pretrain", "timm/vit_giant_patch16_sapiens2.fb",
     "model.safetensors", kSapiens2, 5'821'896'704, "", "sapiens2_1b.safetensors", kSapiens2Url},
    {"sapiens2_5b", "sapiens2_5b", "pretrain", "timm/vit_5b_patch16_sapiens2.fb",
     "model.safetensors", kSapiens2, 20'267'611'904, "", "sapiens2_5b.safetensors", kSapiens2Url},
});

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

}  // namespace sapiens
