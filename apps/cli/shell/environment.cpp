#include "cli/options/options.hpp"
#include "cli/shell/program_description.hpp"

namespace sapiens::cli {
namespace {

constexpr EnvironmentVariable kVariables[] = {
    {"SAPIENS_ISA", "Highest kernel level: reference, avx2, avx512 or amx. `--isa` goes before it",
     "--isa"},
    {"SAPIENS_CACHE, XDG_CACHE_HOME",
     "Where downloads go, and names of published checkpoints are looked for: SAPIENS_CACHE, else "
     "the folder sapiens in XDG_CACHE_HOME, else ~/.cache/sapiens",
     kPublishedType},
    {"SAPIENS_MODULE_DIR",
     "The only folder to look in for what is loaded or started when it is needed, such as the "
     "module for videos",
     ""},
    {"HF_TOKEN", "Sent to the hub, and to nobody that it redirects to", "pull"},
    {"HF_ENDPOINT", "Another hub than https://huggingface.co", "pull"},
    {"https_proxy, http_proxy, all_proxy, no_proxy", "As libcurl takes them", "pull"},
    {"SSL_CERT_FILE", "Certificates to trust instead of the system's", "pull"},
    {"SAPIENS_TOKEN", "Token that requests must bring, where there is no `--token-file`", "serve"},
    {"NO_COLOR", "Reports without colours", "inspect"},
};

}  // namespace

std::span<const EnvironmentVariable> environment_variables() noexcept { return kVariables; }

}  // namespace sapiens::cli
