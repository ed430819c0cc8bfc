#include <iterator>

#include "sapiens/labels.hpp"
#include "tasks/seg_class_tables.hpp"

namespace sapiens {

const SegClassSet* find_seg_classes(Index count) noexcept {
  for (const SegClassSet& set : kSegClassSets) {
    if (std::ssize(set.classes) == count) return &set;
  }
  return nullptr;
}

}  // namespace sapiens
