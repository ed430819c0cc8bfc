#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/options/options.hpp"
#include "cli/run/jobs.hpp"
#include "cli/shell/completion.hpp"
#include "cli/shell/man_page.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

struct ManArguments {
  std::string command;
  std::string output;
};

const CommandDescription& command_called(const std::string& name,
                                         const ProgramDescription& program) {
  for (const CommandDescription& command : program.commands) {
    if (command.name == name) return command;
  }
  return program.program;
}

void write_page(const fs::path& path, const std::string& page) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << page;
  if (file.flush()) return;
  throw Error(ErrorCode::WriteFailed,
              {.summary = "a man page cannot be written",
               .file = path.string(),
               .actual = std::generic_category().message(errno != 0 ? errno : EIO)});
}

void write_pages(const fs::path& folder, const ProgramDescription& program) {
  prepare_output_folder(folder);
  const auto write = [&](const CommandDescription& command) {
    write_page(folder / (man_page_name(program, command) + ".1"), man_page(program, command));
  };
  write(program.program);
  for (const CommandDescription& command : program.commands) write(command);
}

void run(const ManArguments& arguments, const ProgramDescription& program) {
  if (!arguments.output.empty()) return write_pages(arguments.output, program);
  print(man_page(program, command_called(arguments.command, program)));
}

}  // namespace

void add_man_command(CLI::App& app) {
  auto arguments = std::make_shared<ManArguments>();
  CLI::App* man = app.add_subcommand("man", "Print the man page of the program or of a command");
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  CLI::Option* command =
      man->add_option("COMMAND", arguments->command, "Whose page; by default the program's own")
          ->check(CLI::IsMember(names));
  man->add_option("-o,--output", arguments->output, "Folder to write all pages to, as NAME.1")
      ->type_name(kFolderType)
      ->excludes(command);
  man->footer(
      "Installed packages bring the pages along: `man sapiens-features` shows one.\n\n"
      "Example:\n"
      "  sapiens man features | man -l -\n"
      "  sapiens man --output ~/.local/share/man/man1");
  man->callback([arguments, &app] { run(*arguments, describe_program(app)); });
}

void add_completion_command(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* completion =
      app.add_subcommand("completion", "Print a script that lets a shell complete commands");
  completion->add_option("SHELL", *shell, "Who is going to read it")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(
      "Installed packages bring the scripts along, and shells find them there.\n\n"
      "Example:\n"
      "  source <(sapiens completion bash)    # in ~/.bashrc\n"
      "  source <(sapiens completion zsh)     # in ~/.zshrc, after compinit\n"
      "  sapiens completion fish | source     # in ~/.config/fish/config.fish");
  completion->callback([shell] { print(completion_script(*shell)); });
}

}  // namespace sapiens::cli
