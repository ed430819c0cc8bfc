#include "cli/options/checkpoint_option.hpp"

#include <sapiens/hub.hpp>
#include <string>

#include "cli/options/value_types.hpp"

namespace sapiens::cli {

CLI::Option* takes_checkpoint(CLI::Option* option) {
  return option->transform([](const std::string& given) { return find_checkpoint(given).string(); })
      ->type_name(kCheckpointType);
}

}  // namespace sapiens::cli
