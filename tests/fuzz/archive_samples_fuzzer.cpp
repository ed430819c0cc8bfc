// Any bytes as an archive of images: the samples that WebDataset would see in it, their names and
// what lies beside the images.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cli/input/archive_inputs.hpp"
#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/memory_file.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_archive)

namespace {

using namespace sapiens;
using namespace sapiens::cli;
using fuzz::check;
namespace fs = std::filesystem;

// Results lie below the output folder, each under a name of its own.
void check_name(const fs::path& name, std::set<fs::path>& names) {
  check(name.is_relative() && *name.begin() == "input");
  for (const fs::path& part : name) check(part != ".." && part != "." && !part.empty());
  check(names.insert(fs::path(name).replace_extension()).second);
}

void read_samples(const InputFile& archive, bool with_content) {
  std::set<fs::path> names;
  ArchiveSamples samples(archive, {.with_content = with_content});
  while (std::optional<ArchiveSamples::Sample> sample = samples.next()) {
    const InputFile& input = sample->input;
    if (sample->error) {
      check(!input.content && input.sidecars.empty());
      continue;
    }
    check((input.content != nullptr) == with_content);
    if (with_content) check_name(input.name, names);
    std::size_t bytes = 0;
    std::set<std::string> fields;
    for (const Sidecar& sidecar : input.sidecars) {
      bytes += sidecar.content.size();
      check(fields.insert(sidecar.field).second);
    }
    check(bytes <= kMaxSidecars);
  }
  left_out_lines(samples.left_out());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(data, size);
  if (!file.complete()) return 0;
  const InputFile archive = {.path = file.path(), .name = "input.tar", .archive = true};
  for (const bool with_content : {false, true}) {
    try {
      read_samples(archive, with_content);
    } catch (const Error&) {
    }
  }
  is_archive_of_images(file.path());
  return 0;
}
