#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "cli/program.hpp"
#include "support/scratch.hpp"

namespace sapiens {

/// Files below a folder, by name. Without work that processes share, which an interrupted run
/// leaves and nobody reads once it is done.
using Tree = std::map<std::string, std::string>;

inline Tree tree_below(const std::filesystem::path& folder) {
  Tree files;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    const bool is_work = name.find("sapiens-index/work/") != name.npos;
    if (entry.is_regular_file() && !is_work) files[name] = read_bytes(entry.path());
  }
  return files;
}

/// How many files a program that is running has written so far. Folders that it removes meanwhile
/// are no error.
inline std::size_t files_so_far(const std::filesystem::path& folder) {
  try {
    return tree_below(folder).size();
  } catch (const std::filesystem::filesystem_error&) {
    return 0;
  }
}

inline void expect_equal_trees(const Tree& now, const Tree& whole) {
  for (const auto& [name, bytes] : whole) {
    const auto found = now.find(name);
    EXPECT_TRUE(found != now.end() && found->second == bytes) << name;
  }
  for (const auto& [name, bytes] : now) EXPECT_TRUE(whole.contains(name)) << name;
}

/// What an interrupted run leaves under the names of results is whole. Records say how far it came;
/// temporary files are left by one that was killed alone, and taken over by the next.
inline void expect_whole_files(const Tree& now, const Tree& whole, bool killed = false) {
  for (const auto& [name, bytes] : now) {
    EXPECT_TRUE(!name.ends_with(".coco.json") || Json::accept(bytes)) << name;
    if (name.find("sapiens-") != name.npos || (killed && name.ends_with(".tmp"))) continue;
    const auto good = whole.find(name);
    EXPECT_TRUE(good != whole.end() && good->second == bytes) << name;
  }
}

}  // namespace sapiens
