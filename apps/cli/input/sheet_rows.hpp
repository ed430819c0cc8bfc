#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/input/inputs.hpp"

namespace sapiens::cli {

/// A folder of images, as a column of a contact sheet.
struct SheetColumn {
  std::string title;
  std::filesystem::path folder;
};

/// "TITLE=FOLDER"; a folder alone has its name for a title. A folder whose own name has a "=" in it
/// is taken as it is where it exists.
SheetColumn parse_sheet_column(const std::string& text);

/// What stands in one row: files of one name, without looking at their extension.
struct SheetRow {
  std::filesystem::path name;  ///< Of the image, below its folder and without extension.
  std::vector<std::optional<std::filesystem::path>> files;  ///< Per column; none: no such file.
};

struct SheetRows {
  std::vector<SheetRow> rows = {};
  Inputs first = {};  ///< Of the first column: its files, what failed, and what was left out.
};

/// A row for each image of the first column, sorted by name, and what the others have under that
/// name: `a.png` or the like for `a.jpg`, or `a.jpg.png`, as results are called where the folder
/// had an `a.png` as well. Throws `Error` NotFound where a column's folder is none, or has nothing
/// for any row.
SheetRows find_sheet_rows(const std::vector<SheetColumn>& columns);

}  // namespace sapiens::cli
