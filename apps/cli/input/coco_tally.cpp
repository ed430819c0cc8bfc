#include "cli/input/coco_tally.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sapiens::cli {
namespace {

constexpr std::size_t kMaxNamed = 5;     // in one line
constexpr std::size_t kMaxLength = 200;  // of a name in a message

std::string cut(const std::string& name) {
  return name.size() <= kMaxLength ? name : name.substr(0, kMaxLength) + "..";
}

Json stray_json(const StrayImages& stray) {
  return {{"entries", stray.entries}, {"images", stray.images}, {"first", stray.first}};
}

}  // namespace

void StrayImages::add(const std::string& name, Index of_entries) {
  entries += of_entries;
  ++images;
  if (is_full()) return;
  first.push_back(cut(name));
}

bool StrayImages::is_full() const { return first.size() == kMaxNamed; }

std::string StrayImages::text() const {
  const Index more = images - std::ssize(first);
  return fmt::format("{}{}", fmt::join(first, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

bool CocoTally::take(const CocoEntry& entry) {
  ++entries_;
  const bool has_category = entry.has("category_id");
  const std::string id = has_category ? entry.id("category_id") : category_.id;
  if (id != category_.id) {
    ++others_[id];
    return false;
  }
  takes_ids_ = takes_ids_ || has_category;
  ++persons_;
  return true;
}

void CocoTally::name_category(const CocoEntry& entry) {
  const std::string id = entry.id("id");
  if (!names_.emplace(id, entry.has("name") ? cut(entry.text("name")) : "").second) {
    entry.refuse("id", "is that of an earlier category");
  }
}

void CocoTally::add_stray(bool is_unclear, const ImageRef& ref, std::span<const KnownImage> known,
                          Index entries) {
  StrayImages& stray = is_unclear ? unclear : unknown;
  const auto name = [&] {
    return ref.is_id ? "image_id " + ref.text : ref.text + other_extension_note(known, ref.text);
  };
  stray.add(stray.is_full() ? "" : name(), entries);  // looking for a note takes its time
}

std::string CocoTally::quoted_name(const std::string& id) const {
  const auto found = names_.find(id);
  return found == names_.end() || found->second.empty() ? "" : fmt::format(" `{}`", found->second);
}

std::string CocoTally::other_categories_text() const {
  std::vector<std::string> parts;
  for (const auto& [id, count] : others_) {
    if (parts.size() == kMaxNamed) break;
    parts.push_back(fmt::format("{} of category {}{}", count, id, quoted_name(id)));
  }
  const std::size_t more = others_.size() - parts.size();
  return fmt::format("{}{}", fmt::join(parts, ", "),
                     more > 0 ? fmt::format(" and {} more categories", more) : "");
}

std::string CocoTally::advice_text(const std::string& id) const {
  const PersonCategory usual;
  const std::string also =
      category_.option == usual.option
          ? ""
          : fmt::format("; {} {} does so for the annotations too", usual.option, id);
  return fmt::format("{} {} takes entries of category {} for persons{}", category_.option, id, id,
                     also);
}

void CocoTally::expect_persons() const {
  const auto is_called_person = [](const auto& named) {
    return lower_case(named.second) == "person";
  };
  const auto called_person = std::ranges::find_if(names_, is_called_person);
  if (entries_ > 0 && persons_ == 0) {
    const auto most = std::ranges::max_element(others_, {}, [](const auto& o) { return o.second; });
    const std::string& id = called_person != names_.end() && called_person->first != category_.id
                                ? called_person->first
                                : most->first;
    throw_not_coco(file_, kind_,
                   fmt::format("none of its {} entries is of category {}, which persons have: {}",
                               entries_, category_.id, other_categories_text()),
                   advice_text(id));
  }
  if (category_.chosen || !takes_ids_) return;
  const auto own = names_.find(category_.id);
  if (own == names_.end() && called_person == names_.end() && others_.contains("0")) {
    // COCO has no category 0, so this is not its numbering, and 1 may be bicycles.
    throw_not_coco(
        file_, kind_,
        fmt::format("its categories count from 0, and nothing tells which are persons: {} "
                    "of category {}, {}",
                    persons_, category_.id, other_categories_text()),
        advice_text("0"));
  }
  if (called_person == names_.end()) return;
  if (own != names_.end() && is_called_person(*own)) return;
  throw_not_coco(file_, kind_,
                 fmt::format("its `categories` call {} `person`, and {}{} is what persons have in "
                             "COCO",
                             called_person->first, category_.id, quoted_name(category_.id)),
                 advice_text(called_person->first));
}

std::vector<std::string> CocoTally::lines() const {
  std::vector<std::string> lines;
  const auto add = [&](Index count, const std::string& what) {
    if (count == 0) return;
    lines.push_back(fmt::format("{}: {} of {} entries {}", file_.string(), count, entries_, what));
  };
  add(entries_ - persons_, fmt::format("are no persons and left out: {}", other_categories_text()));
  add(without_area, "have a box without area and are left out");
  add(unknown.entries,
      fmt::format("are about images that are not here and left out: {}", unknown.text()));
  add(unclear.entries, fmt::format("may be about several images, or other names may be about the "
                                   "same, and are left out: {}",
                                   unclear.text()));
  add(below_a_pixel, "have a box smaller than a pixel; boxes are in pixels");
  const auto own = names_.find(category_.id);
  if (!category_.chosen && takes_ids_ && own != names_.end() && !own->second.empty() &&
      lower_case(own->second) != "person") {
    lines.push_back(fmt::format("{}: entries of category {}{} are taken for persons",
                                file_.string(), category_.id, quoted_name(category_.id)));
  }
  return lines;
}

Json CocoTally::json() const {
  Json categories = Json::object();
  for (const auto& [id, count] : others_) categories[id] = count;
  return {{"path", file_.string()},
          {"entries", entries_},
          {"used", used()},
          {"person_category", category_.id},
          {"left_out",
           {{"other_categories", std::move(categories)},
            {"without_area", without_area},
            {"unknown_images", stray_json(unknown)},
            {"unclear_images", stray_json(unclear)}}},
          {"smaller_than_a_pixel", below_a_pixel}};
}

ImageRef image_ref(const CocoEntry& entry) {
  if (entry.has("file_name")) return {entry.text("file_name")};
  return {entry.id("image_id"), true};
}

void ImagesOfFile::add(const CocoEntry& entry) {
  const std::string name = entry.text("file_name");
  if (!names_.emplace(entry.id("id"), name).second) {
    entry.refuse("id", "is that of an earlier image");
  }
  // Frames of two videos, say: their persons must not end up in one image.
  if (!parts_.insert(path_parts(name)).second) {
    entry.refuse("file_name", fmt::format("is {}, as that of an earlier image", name));
  }
}

}  // namespace sapiens::cli
