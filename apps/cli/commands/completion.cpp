#include "cli/shell/completion.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <sapiens/hub.hpp>
#include <string>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

std::string script_for(const std::string& shell, const ProgramDescription& program) {
  if (shell == "bash") return bash_completion(program);
  if (shell == "zsh") return zsh_completion(program);
  return fish_completion(program);
}

}  // namespace

std::string published_names() {
  std::vector<std::string_view> names;
  for (const PublishedFile& file : published_files()) names.push_back(file.name);
  return fmt::format("{}", fmt::join(names, " "));
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
  completion->callback([shell, &app] { print(script_for(*shell, describe_program(app))); });
}

}  // namespace sapiens::cli
