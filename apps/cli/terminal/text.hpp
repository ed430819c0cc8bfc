#pragma once

#include <cstdint>
#include <filesystem>
#include <sapiens/report.hpp>
#include <sapiens/tensor_view.hpp>
#include <span>
#include <string>

namespace sapiens::cli {

/// "1.23 GB", "640 kB", "12 bytes".
std::string bytes_text(std::uint64_t bytes);

/// "0.4 s", "12 s", "3 min 20 s", "2 h 5 min".
std::string seconds_text(double seconds);

/// A measured time, four digits of it: "61.23 ms".
std::string time_text(double seconds);

/// "1024x64x64".
std::string dims_text(std::span<const Index> shape);

/// "Sapiens 0.3B pretrain, width 1024, 24 blocks".
std::string model_text(const ModelInfo& model);

/// "model.pth: Sapiens 0.3B pretrain, width 1024, 24 blocks, exact (293 of 293 parameters)".
std::string checkpoint_text(const std::string& path, const Inspection& inspection);

/// The absolute spelling, so that a file is recognised from another working directory.
std::string absolute_text(const std::filesystem::path& path);

}  // namespace sapiens::cli
