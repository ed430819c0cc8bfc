#include <fmt/format.h>

#include <memory>
#include <sapiens/draw.hpp>
#include <sapiens/printable.hpp>

#include "cli/commands/commands.hpp"
#include "cli/input/sheet_rows.hpp"
#include "cli/options/value_types.hpp"
#include "cli/run/meter.hpp"
#include "cli/run/outputs.hpp"
#include "cli/terminal/exit_codes.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSheetCommand = "sheet";

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
      kSheetCommand, "Put images and what was drawn of them beside each other, as one .png");
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
  sheet->add_option("--height", arguments->height, "Of a row, in pixels")
      ->check(CLI::Range(Index{16}, Index{4096}))
      ->capture_default_str();
  sheet->add_option("--rows", arguments->rows, "Images at most")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10000}))
      ->capture_default_str();
  add_json_flag(*sheet, session);
  sheet->footer(
      "Example:\n"
      "  sapiens pose pose.pth photos/ --output pose --viz\n"
      "  sapiens seg seg.pth photos/ --output parts --viz\n"
      "  sapiens sheet photos/ pose/ parts=parts/ --output sheet.png");
  sheet->callback([arguments, &session] { run(*arguments, session); });
}

}  // namespace sapiens::cli
