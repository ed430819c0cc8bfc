#pragma once

#include <map>
#include <string>

#include "checkpoint/write.hpp"

namespace sapiens {

/// Notes under dotted paths as "meta" of a checkpoint of mmengine. What training wrote about its
/// data set ("dataset_meta.classes.0" ...) becomes the dictionary "dataset_meta" that the original
/// reads. An entry of it that mmengine does not know, or knows in another form, stays text under
/// its path, where this program finds it all the same.
PlainValue::Dict nested_meta(std::map<std::string, std::string> notes);

}  // namespace sapiens
