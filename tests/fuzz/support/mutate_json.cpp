#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "fuzz/support/lines.hpp"
#include "fuzz/support/mutators.hpp"

namespace sapiens::fuzz {
namespace {

using json = nlohmann::ordered_json;

// Deep documents are made by copying a document into itself, again and again.
constexpr std::size_t kMaxNodes = 4000;

void collect(json& node, std::vector<json*>& nodes) {
  if (nodes.size() >= kMaxNodes) return;
  nodes.push_back(&node);
  for (json& child : node) {
    if (node.is_structured()) collect(child, nodes);
  }
}

json odd_value(Random& random) {
  static const json kOdd[] = {nullptr,
                              true,
                              0,
                              1,
                              -1,
                              7,
                              255,
                              65536,
                              2147483647,
                              -2147483648LL,
                              9223372036854775807LL,
                              18446744073709551615ull,
                              0.5,
                              1e308,
                              -0.0,
                              "",
                              "F32",
                              "BF16",
                              "F8_E4M3",
                              "a",
                              json::array(),
                              json::object(),
                              json::array({0, 0}),
                              json::array({1, 2, 3})};
  return kOdd[random.below(std::size(kOdd))];
}

void change_number(json& node, Random& random) {
  const auto old = node.get<double>();
  const auto whole = static_cast<std::uint64_t>(old >= 0 && old < 1e18 ? old : 0);
  const std::uint64_t changed[] = {whole + 1, whole - 1, whole * 2, whole / 2, whole ^ 1ull << 40};
  node = random.of(changed);
}

void change_list(json& node, Random& random) {
  const std::size_t at = random.below(node.size());
  const auto place = std::next(node.begin(), static_cast<std::ptrdiff_t>(at));
  const json copy = *place;
  switch (random.below(node.is_array() ? 3 : 4)) {
    case 0:
      node.erase(place);
      return;
    case 1:
      node.is_array() ? node.push_back(copy) : void(node[place.key() + "2"] = copy);
      return;
    case 2: {
      json& other =
          *std::next(node.begin(), static_cast<std::ptrdiff_t>(random.below(node.size())));
      return std::swap(*place, other);
    }
    default: {  // an object under another key
      const std::string key = mutate_bytes(place.key(), place.key().size() + 8);
      node.erase(place);
      node[key] = copy;
    }
  }
}

}  // namespace

void mutate_json(json& document, Random& random) {
  std::vector<json*> nodes;
  collect(document, nodes);
  json& node = *nodes[random.below(nodes.size())];
  if (random.one_in(3)) {
    node = random.one_in(4) ? json(*nodes[random.below(nodes.size())]) : odd_value(random);
  } else if (node.is_number()) {
    change_number(node, random);
  } else if (node.is_string()) {
    const auto text = node.get<std::string>();
    node = mutate_bytes(text, text.size() + 8);
  } else if (node.is_structured() && !node.empty()) {
    change_list(node, random);
  } else {
    node = odd_value(random);
  }
}

std::string mutate_json_text(std::string_view text, Random& random) {
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return mutate_bytes(std::string(text), text.size() + 16);
  for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) {
    mutate_json(document, random);
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string mutate_json_lines(std::string_view text, Random& random) {
  std::vector<std::string> lines = take_lines_apart(text);
  if (lines.empty() || random.one_in(3)) return mutate_lines(text, random);
  std::string& line = lines[random.below(lines.size())];
  line = mutate_json_text(line, random);
  std::string made;
  for (const std::string& one : lines) made += one + '\n';
  return made;
}

}  // namespace sapiens::fuzz
