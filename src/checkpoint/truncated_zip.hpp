#pragma once

#include "checkpoint/file_bytes.hpp"

namespace sapiens {

/// Throws `Error(CorruptFile)` for a zip archive that ends before its table of contents, and says
/// how much is missing where the pickle at its start still tells: torch.save writes `data.pkl`
/// first, and it names the size of every storage that should follow. Returns for other archives.
void refuse_truncated_zip(const FileBytes& file);

}  // namespace sapiens
