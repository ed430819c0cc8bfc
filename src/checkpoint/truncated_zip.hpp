#pragma once

#include "checkpoint/file_bytes.hpp"

namespace sapiens {

/// Throws `Error(CorruptFile)` for a zip archive that ends before its table of contents. The
/// message says how many bytes are missing where the pickle at its start is complete: torch.save
/// writes `data.pkl` first, and it holds the size of every storage that follows. Returns for other
/// archives.
void refuse_truncated_zip(const FileBytes& file);

}  // namespace sapiens
