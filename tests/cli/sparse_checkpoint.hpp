#pragma once

#include <string>

namespace sapiens {

/// The published 2B model as safetensors, 8.5 GB of zeros that take no disk: header, then a hole.
void make_sparse_2b(const std::string& path);

}  // namespace sapiens
