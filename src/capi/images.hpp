#pragma once

#include <cstddef>
#include <vector>

#include "sapiens/image.hpp"
#include "sapiens/sapiens.h"

namespace sapiens::capi {

/// The image that `given` borrows or names. Throws InvalidArgument unless it is given in exactly
/// one way, and what `Image::read` throws.
Image read_image(const sapiens_image* given, const char* name);

/// `count` of them in a row, each as large as the first one says: the array may have been made with
/// another version of the header. At least one.
class Images {
 public:
  Images(const sapiens_image* first, std::size_t count);

  std::size_t size() const { return count_; }
  Image read(std::size_t index) const;

 private:
  const sapiens_image* first_;
  std::size_t count_;
};

}  // namespace sapiens::capi
