#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/input/inputs.hpp"

namespace sapiens::cli {
namespace {

struct ReasonText {
  const char* name;
  const char* one;
  const char* several;
};

const ReasonText& text_of(LeftOutReason reason) {
  static constexpr ReasonText kTexts[] = {
      {"repeated", "input that was given more than once, worked on once",
       "inputs that were given more than once, worked on once"},
      {"hidden", "hidden file or folder", "hidden files or folders"},
      {"folder", "folder inside a folder, which -r searches",
       "folders inside a folder, which -r searches"},
      {"labels", "file of labels beside its image", "files of labels beside their images"},
      {"other-kind", "file of another kind", "files of other kinds"},
      {"broken-link", "link whose target does not exist", "links whose targets do not exist"},
      {"loop", "linked folder that leads back to one above it",
       "linked folders that lead back to one above them"},
      {"output-folder", "folder that is the output", "folders that are the output"},
      {"comment", "line of a list that begins with #", "lines of a list that begin with #"},
      {"other-field", "member of a tar that is not the image of its sample",
       "members of tars that are not the images of their samples"},
      {"large-sidecar", "label or caption of an image, too large to be passed on",
       "labels or captions of images, too large to be passed on"},
      {"no-content", "link or device in an archive", "links or devices in archives"},
  };
  return kTexts[static_cast<std::size_t>(reason)];
}

}  // namespace

LeftOut& LeftOutList::entry_of(LeftOutReason reason) {
  const auto place = std::ranges::lower_bound(entries_, reason, {}, &LeftOut::reason);
  if (place != entries_.end() && place->reason == reason) return *place;
  return *entries_.insert(place, LeftOut{.reason = reason});
}

void LeftOutList::add(LeftOutReason reason, const std::string& path) {
  LeftOut& entry = entry_of(reason);
  ++entry.count;
  if (entry.examples.size() < LeftOut::kMaxExamples) entry.examples.push_back(path);
}

void LeftOutList::add(const LeftOutList& more) {
  for (const LeftOut& other : more.entries()) {
    LeftOut& entry = entry_of(other.reason);
    entry.count += other.count;
    for (const std::string& example : other.examples) {
      if (entry.examples.size() < LeftOut::kMaxExamples) entry.examples.push_back(example);
    }
  }
}

LeftOutList LeftOutList::without(LeftOutReason reason) const {
  LeftOutList others = *this;
  std::erase_if(others.entries_, [&](const LeftOut& entry) { return entry.reason == reason; });
  return others;
}

std::vector<std::string> left_out_lines(const LeftOutList& list) {
  constexpr std::size_t kMaxShown = 3;
  std::vector<std::string> lines;
  for (const LeftOut& entry : list.entries()) {
    const std::size_t shown = std::min(kMaxShown, entry.examples.size());
    const ReasonText& text = text_of(entry.reason);
    lines.push_back(fmt::format(
        "left out: {} {}: {}{}", entry.count, entry.count == 1 ? text.one : text.several,
        fmt::join(entry.examples.begin(),
                  std::next(entry.examples.begin(), static_cast<std::ptrdiff_t>(shown)), ", "),
        shown < entry.count ? " and so on" : ""));
  }
  return lines;
}

Json left_out_json(const LeftOutList& list) {
  Json json = Json::array();
  for (const LeftOut& entry : list.entries()) {
    json.push_back({{"reason", text_of(entry.reason).name},
                    {"count", entry.count},
                    {"examples", entry.examples}});
  }
  return json;
}

}  // namespace sapiens::cli
