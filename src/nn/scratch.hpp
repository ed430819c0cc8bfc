#pragma once

#include <cstddef>

#include "core/workspace.hpp"

namespace sapiens {

/// One piece of scratch memory per worker of a pool, taken from a workspace.
class WorkerScratch {
 public:
  WorkerScratch(Workspace& ws, int workers, Index bytes)
      : stride_(Workspace::rounded(static_cast<std::size_t>(bytes))),
        data_(ws.bytes(stride_ * static_cast<std::size_t>(workers)).data()) {}

  void* operator[](int worker) const noexcept {
    return data_ + static_cast<std::size_t>(worker) * stride_;
  }

 private:
  std::size_t stride_;
  std::byte* data_;
};

}  // namespace sapiens
