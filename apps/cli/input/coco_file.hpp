#pragma once

#include <filesystem>
#include <span>

#include "cli/run/jobs.hpp"

namespace sapiens::cli {

/// Writes the persons of all images as one COCO keypoint document, {annotations, images,
/// categories}. They are read back from the images' own documents, `files.front()` of each job,
/// so that those that an earlier run has finished are among them. Jobs without a document are left
/// out. `meta` says what the points are. Returns how many jobs had one. Throws CorruptFile for a
/// document that was changed meanwhile.
Index write_coco(const std::filesystem::path& path, std::span<const Job* const> jobs,
                 const Json& meta);

}  // namespace sapiens::cli
