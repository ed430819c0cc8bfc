#include "sapiens/option_names.hpp"

namespace sapiens {

std::string with_option_names(std::string_view text, OptionName name) {
  std::string spelled;
  while (name != nullptr) {
    const std::size_t open = text.find('`');
    const std::size_t close = open == text.npos ? open : text.find('`', open + 1);
    if (close == text.npos) break;
    const std::string_view known = name(text.substr(open + 1, close - open - 1));
    // Behind an unknown word the second backquote may open the next word.
    const std::size_t end = known.empty() ? close : close + 1;
    spelled += text.substr(0, known.empty() ? end : open);
    spelled += known;
    text.remove_prefix(end);
  }
  return spelled.append(text);
}

}  // namespace sapiens
