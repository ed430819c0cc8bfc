#include "sapiens/architecture.hpp"

#include "engine/task_traits.hpp"
#include "model/config.hpp"
#include "model/task_table.hpp"

namespace sapiens {

std::vector<Architecture> architectures() {
  std::vector<Architecture> all;
  for (const Arch& arch : known_archs()) {
    all.push_back({.name = arch_option(arch),
                   .family = std::string(family_name(arch.family)),
                   .published = is_published(arch),
                   .width = arch.width,
                   .depth = arch.depth,
                   .heads = arch.heads,
                   .grid = arch.grid});
  }
  return all;
}

HeadArchitecture head_architecture(Task task, Index width, Index outputs) {
  if (!has_head(task)) throw no_head_error(task);
  const HeadConfig published = published_head(task, width);
  HeadArchitecture head{.patch_padding = default_patch_padding(task, outputs)};
  for (const ConvShape& conv : published.deconvs) head.deconvs.push_back(conv.out);
  for (const ConvShape& conv : published.convs) head.convs.push_back(conv.out);
  return head;
}

}  // namespace sapiens
