#include "checkpoint_option.hpp"

#include <sapiens/hub.hpp>
#include <string>

namespace sapiens::cli {

CLI::Option* takes_checkpoint(CLI::Option* option) {
  return option->transform(
      [](const std::string& given) { return find_checkpoint(given).string(); });
}

}  // namespace sapiens::cli
