#include "cli/shell/completion.hpp"

#include <memory>
#include <string>

#include "cli/commands/commands.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

void add_completion_command(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* completion =
      app.add_subcommand("completion", "Print a script that lets a shell complete commands");
  completion->add_option("SHELL", *shell, "The shell that reads the script")
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
