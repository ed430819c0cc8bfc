#include "cli/input/sheet_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sapiens/error.hpp>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

void expect_folder(const SheetColumn& column) {
  std::error_code error;
  if (fs::is_directory(column.folder, error)) return;
  const bool exists = fs::exists(column.folder, error);
  throw Error(exists ? ErrorCode::InvalidArgument : ErrorCode::NotFound,
              {.summary = exists ? "a column of a sheet is a folder of images, not a file"
                                 : "there is no such folder",
               .file = column.folder.string(),
               .hint = "give folders, or TITLE=FOLDER"});
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return upper;
}

/// The image that `folder` has for one of another folder; cameras write `.JPG`.
std::optional<fs::path> counterpart(const fs::path& folder, const fs::path& name) {
  fs::path stem = folder / name;
  stem.replace_extension();
  for (const fs::path& base : {stem, folder / name}) {
    for (const std::string_view extension : image_extensions()) {
      for (const std::string& spelled : {std::string(extension), upper_case(extension)}) {
        fs::path file = base;
        file += spelled;
        std::error_code error;
        if (fs::is_regular_file(file, error)) return file;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

SheetColumn parse_sheet_column(const std::string& text) {
  std::error_code error;
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos && !fs::exists(text, error)) {
    return {.title = text.substr(0, equals), .folder = text.substr(equals + 1)};
  }
  fs::path folder = text;
  if (!folder.has_filename()) folder = folder.parent_path();  // "a/"
  return {.title = folder.filename().string(), .folder = text};
}

SheetRows find_sheet_rows(const std::vector<SheetColumn>& columns) {
  for (const SheetColumn& column : columns) expect_folder(column);
  std::istringstream no_list;
  const std::string first = columns.front().folder.string();
  Inputs inputs = collect_inputs(std::span(&first, 1),
                                 {.recursive = true, .arrays = false, .output = {}}, no_list);

  std::vector<SheetRow> rows;
  for (const InputFile& image : inputs.files) {
    SheetRow row{.name = fs::path(image.name).replace_extension(), .files = {image.path}};
    for (std::size_t c = 1; c < columns.size(); ++c) {
      row.files.push_back(counterpart(columns[c].folder, image.name));
    }
    rows.push_back(std::move(row));
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (std::ranges::any_of(rows, [c](const SheetRow& row) { return row.files[c].has_value(); })) {
      continue;
    }
    throw Error(
        ErrorCode::NotFound,
        {.summary = c == 0 ? "no images in this folder"
                           : "this folder has no image of those in the first column",
         .file = columns[c].folder.string(),
         .expected = c == 0 ? "JPEG, PNG or WebP files"
                            : fmt::format("{}.png, for example", rows[0].name.string()),
         .hint = c == 0 ? "" : "draw results with --viz; they keep the names of the inputs"});
  }
  return {std::move(rows), std::move(inputs)};
}

}  // namespace sapiens::cli
