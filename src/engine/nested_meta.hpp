#pragma once

#include <map>
#include <string>

#include "checkpoint/write.hpp"

namespace sapiens {

/// Converts metadata with dotted paths to "meta" of an mmengine checkpoint. Entries about the data
/// set
/// ("dataset_meta.classes.0" ...) become the dictionary "dataset_meta" that the original reads.
/// Entries that mmengine does not know in this form stay text under their paths, which this library
/// also reads.
PlainValue::Dict nested_meta(std::map<std::string, std::string> notes);

}  // namespace sapiens
