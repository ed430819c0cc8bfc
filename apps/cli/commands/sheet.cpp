#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <sapiens/draw.hpp>
#include <sapiens/printable.hpp>
#include <sstream>
#include <string_view>
#include <utility>

#include "cli/commands/commands.hpp"
#include "cli/input/inputs.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/meter.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSheetCommand = "sheet";

/// A folder of images, as a column of a contact sheet.
struct SheetColumn {
  std::string title;
  std::filesystem::path folder;
};

/// What stands in one row: files of one name, without looking at their extension.
struct SheetRow {
  std::filesystem::path name;  ///< Of the image, below its folder and without extension.
  std::vector<std::optional<std::filesystem::path>> files;  ///< Per column; none: no such file.
};

struct SheetRows {
  std::vector<SheetRow> rows = {};
  Inputs first = {};  ///< Of the first column: its files, what failed, and what was left out.
};

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

/// "TITLE=FOLDER"; a folder alone has its name for a title. A folder whose own name has a "=" in it
/// is taken as it is where it exists.
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

/// A row for each image of the first column, sorted by name, and what the others have under that
/// name: `a.png` or the like for `a.jpg`, or `a.jpg.png`, as results are called where the folder
/// had an `a.png` as well. Throws `Error` NotFound where a column's folder is none, or has nothing
/// for any row.
SheetRows find_sheet_rows(const std::vector<SheetColumn>& columns) {
  for (const SheetColumn& column : columns) expect_folder(column);
  std::istringstream no_list;
  const std::string first = columns.front().folder.string();
  Inputs inputs = collect_inputs(std::span(&first, 1), {.recursive = true}, no_list);

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

struct SheetArguments {
  std::vector<std::string> columns;
  std::string output;
  Index height = 256;
  std::size_t rows = 24;
};

/// What could not be shown.
struct Gaps {
  Json missing = Json::array(), failed = Json::array();
};

void expect_no_image_among(const std::vector<SheetRow>& rows, const std::string& output) {
  std::vector<InputFile> images;
  for (const SheetRow& row : rows) {
    for (const auto& file : row.files) {
      if (file) images.push_back({.path = *file});
    }
  }
  const fs::path written = output;
  expect_no_input_among(std::span(&written, 1), images);
}

Gaps fill(ContactSheet& sheet, const std::vector<SheetColumn>& columns,
          const std::vector<SheetRow>& rows) {
  Gaps gaps;
  Meter meter(kSheetCommand, std::ssize(rows), stderr_is_terminal());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto& file = rows[r].files[c];
      if (!file) {
        const std::string what = fmt::format("{} of {}", columns[c].title, rows[r].name.string());
        meter.message(fmt::format("missing: {}", printable(what)));
        gaps.missing.push_back(what);
        continue;
      }
      try {
        sheet.set(static_cast<Index>(r), static_cast<Index>(c), Image::read(*file));
      } catch (const Error& error) {
        if (error.code() == ErrorCode::OutOfResources) throw;
        meter.message(failure_text(file->string(), error));
        gaps.failed.push_back(error_json(error));
      }
    }
    meter.update(static_cast<double>(r + 1));
  }
  return gaps;
}

void run(const SheetArguments& arguments, Session& session) {
  std::vector<SheetColumn> columns;
  std::vector<std::string> titles;
  for (const std::string& text : arguments.columns) {
    columns.push_back(parse_sheet_column(text));
    titles.push_back(columns.back().title);
  }
  auto [rows, found] = find_sheet_rows(columns);
  const std::size_t all_rows = rows.size();
  for (const std::string& line : left_out_lines(found.left_out)) say(line);
  if (rows.size() > arguments.rows) {
    say(fmt::format("only the first {} of {} images; --rows takes more", arguments.rows,
                    rows.size()));
    rows.resize(arguments.rows);
  }
  expect_no_image_among(rows, arguments.output);
  create_parent(arguments.output);

  session.interrupts.set_exit_message({}, session.json);
  ContactSheet sheet(titles, arguments.height);
  Gaps gaps = fill(sheet, columns, rows);
  for (const FailedInput& failed : found.failed) {
    say(failure_text(failed.path, failed.error));
    gaps.failed.push_back(error_json(failed.error));
  }
  const Image image = sheet.draw();
  {
    const auto no_interruption = session.interrupts.hold();
    image.write_png(arguments.output);
  }
  if (!gaps.failed.empty()) session.exit_code = kSomeFailed;

  if (session.json) {
    Json names = Json::array();
    for (const SheetRow& row : rows) names.push_back(row.name.string());
    print_json({{"output", arguments.output},
                {"width", image.width},
                {"height", image.height},
                {"columns", titles},
                {"rows", names},
                {"rows_left_out", all_rows - rows.size()},
                {"left_out", left_out_json(found.left_out)},
                {"missing", gaps.missing},
                {"failed", gaps.failed}});
    return;
  }
  print(fmt::format("{}: {} rows, {} columns, {}x{}\n", printable(arguments.output), rows.size(),
                    columns.size(), image.width, image.height));
}

}  // namespace

void add_sheet_command(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<SheetArguments>();
  CLI::App* sheet = app.add_subcommand(
      kSheetCommand, "Arrange images and drawings of their results on one sheet, as .png");
  sheet
      ->add_option("COLUMN", arguments->columns,
                   "Folders of images; the first one says which images, the others have theirs "
                   "under the same names")
      ->required()
      ->type_name("[TITLE=]" + std::string(kFolderType));
  sheet->add_option("-o,--output", arguments->output, "File to write, .png")
      ->required()
      ->type_name(kFileType)
      ->check([](const std::string& name) {
        return fs::path(name).extension() == ".png" ? "" : "a contact sheet is a .png file";
      });
  add_number(*sheet, "--height", arguments->height, {16, 4096}, "Of a row, in pixels");
  add_number(*sheet, "--rows", arguments->rows, {1, 10000}, "Images at most");
  add_json_flag(*sheet, session);
  sheet->footer(
      "Example:\n"
      "  sapiens pose pose.pth photos/ --output pose --viz\n"
      "  sapiens seg seg.pth photos/ --output parts --viz\n"
      "  sapiens sheet photos/ pose/ parts=parts/ --output sheet.png");
  sheet->callback([arguments, &session] { run(*arguments, session); });
}

}  // namespace sapiens::cli
