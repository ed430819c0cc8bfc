#include "fuzz/support/lines.hpp"

#include <algorithm>
#include <utility>

#include "fuzz/support/mutators.hpp"

namespace sapiens::fuzz {
namespace {

constexpr std::string_view kPrefixes[] = {
    "module.",  "model.",     "backbone.",    "encoder.", "_orig_mod.", "state_dict|", "ema|",
    "student.", "encoder_q.", "decode_head.", "head.",    "vit.",       "a.b.",        "!"};

constexpr std::string_view kNumbers[] = {"0",   "1",   "2",    "16",   "64",
                                         "768", "196", "1024", "4096", "9223372036854775807"};

using Lines = std::vector<std::string>;

// The first number behind a space or a dot, as lengths and numbers of blocks are.
void change_number(std::string& line, Random& random) {
  std::vector<std::size_t> places;
  for (std::size_t i = 1; i < line.size(); ++i) {
    const bool begins = line[i - 1] == ' ' || line[i - 1] == '.' || line[i - 1] == '=';
    if (begins && line[i] >= '0' && line[i] <= '9') places.push_back(i);
  }
  if (places.empty()) return;
  const std::size_t first = places[random.below(places.size())];
  const std::size_t last = std::min(line.find_first_not_of("0123456789", first), line.size());
  line.replace(first, last - first, random.of(kNumbers));
}

void replace_everywhere(Lines& lines, Random& random) {
  const std::string& model = lines[random.below(lines.size())];
  const std::size_t dot = model.find('.');
  const std::string old = model.substr(0, dot == model.npos ? 0 : dot + 1);
  const std::string_view fresh = random.of(kPrefixes);
  for (std::string& line : lines) {
    if (line.starts_with(old)) line = std::string(fresh) + line.substr(old.size());
  }
}

void change(Lines& lines, Random& random) {
  if (lines.empty()) lines.emplace_back("a 1");
  std::string& line = lines[random.below(lines.size())];
  const std::size_t first = random.below(lines.size());
  const std::size_t last = first + 1 + random.below(std::min<std::size_t>(lines.size() - first, 9));
  const auto at = [&](std::size_t i) { return lines.begin() + static_cast<std::ptrdiff_t>(i); };
  switch (random.below(9)) {
    case 0:
      lines.erase(at(first), at(last));
      return;
    case 1: {
      const Lines copies(at(first), at(last));
      lines.insert(at(random.below(lines.size())), copies.begin(), copies.end());
      return;
    }
    case 2:
      return std::swap(line, lines[random.below(lines.size())]);
    case 3:
      return replace_everywhere(lines, random);
    case 4: {  // all of some lines once more under a prefix, as several models in one file
      const std::string prefix(random.of(kPrefixes));
      const Lines copies = lines.size() > 400 ? Lines(at(first), at(last)) : lines;
      for (const std::string& copy : copies) lines.push_back(prefix + copy);
      return;
    }
    case 5:
      line = std::string(random.of(kPrefixes)) + line;
      return;
    case 6:
      line = mutate_bytes(std::move(line), line.size() + 16);
      return;
    default:
      return change_number(line, random);
  }
}

}  // namespace

std::vector<std::string> take_lines_apart(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string mutate_lines(std::string_view text, Random& random) {
  Lines lines = take_lines_apart(text);
  for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) change(lines, random);
  std::string made;
  for (const std::string& line : lines) made += line + '\n';
  return made;
}

}  // namespace sapiens::fuzz
