#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "cli/run/features.hpp"

namespace sapiens::cli {

/// The document that says what the frames of a video are; `name` is that of its results.
std::filesystem::path feature_video_document(const FeatureArguments& options,
                                             const std::filesystem::path& name);

/// The files of its frames: `files` and `drawing` are those of frame "0" in its folder. Drawings
/// are `drawn` by this run, or were by an earlier one.
std::vector<FrameFiles> feature_frames(const std::vector<JobFile>& files,
                                       const std::filesystem::path& drawing, bool drawn);

/// Works through the jobs of a plan: images first, then one video after the other, whose `files`
/// are the document alone. Each frame is written as an image `NAME/000012` would be; `files` says
/// where. One result per job, in their order.
std::vector<JobResult> run_features(Encoder& encoder, const FeatureArguments& options,
                                    const FeatureOutput& output, const NpyFeatureFiles& files,
                                    Interrupts& interrupts, std::span<const Job> jobs);

}  // namespace sapiens::cli
