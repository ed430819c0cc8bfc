#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "fuzz/support/mutators.hpp"
#include "fuzz/support/zip_model.hpp"

namespace sapiens::fuzz {
namespace {

constexpr std::string_view kNames[] = {
    "a/data.pkl",
    "a/data/0",
    "a/data/1",
    "a/version",
    "a/byteorder",
    "a/constants.pkl",
    "b/data.pkl",
    "a/data/weights/a_weights_config.json",
    "a/data/weights/a.pt",
    "a/data/constants/0",
    "serialized_state_dict.pt",
    "serialized_state_dict.json",
    "",
    "/",
};

constexpr std::string_view kExtraFields[] = {
    {"", 0},
    {"FB\x04\0ZZZZ", 8},
    {"\x01\0\x10\0\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 20},
    {"\x01\0\x08\0\x10\0\0\0\0\0\0\0", 12},
    {"\x01\0\x00\0", 4},
    {"FB\xff\xff", 4},
};

std::string mutate_contents(const Member& member, Random& random) {
  const std::string& bytes = member.bytes;
  if (member.name.ends_with(".pkl")) return mutate_pickle(bytes, random);
  if (bytes.starts_with("PK\x03\x04")) return mutate_zip(bytes, random);
  if (member.name.ends_with(".json")) {
    auto document = nlohmann::ordered_json::parse(bytes, nullptr, false);
    if (!document.is_discarded()) {
      mutate_json(document, random);
      return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }
  }
  return mutate_bytes(bytes, bytes.size() + 16);
}

// The members that a reader understands most of, as pickles and tables, change most often.
Member& interesting_member(Zip& zip, Random& random) {
  for (int tries = 0; tries < 8; ++tries) {
    Member& member = zip.members[random.below(zip.members.size())];
    const bool has_structure = member.name.ends_with(".pkl") || member.name.ends_with(".json") ||
                               member.bytes.starts_with("PK\x03\x04");
    if (has_structure || random.one_in(6)) return member;
  }
  return zip.members[random.below(zip.members.size())];
}

void change_members(Zip& zip, Random& random) {
  const std::size_t at = random.below(zip.members.size());
  const auto place = zip.members.begin() + static_cast<std::ptrdiff_t>(at);
  Member& member = zip.members[at];
  switch (random.below(11)) {
    case 0:
      if (zip.members.size() > 1) zip.members.erase(place);
      return;
    case 1:
      zip.members.insert(place, Member(member));
      return;
    case 2:
      return std::swap(member, zip.members[random.below(zip.members.size())]);
    case 3:
      member.name = mutate_bytes(std::move(member.name), 64);
      return;
    case 4:
      member.name = random.of(kNames);
      return;
    case 5:
      member.descriptor = !member.descriptor;
      return;
    case 6:
      member.zip64 = !member.zip64;
      return;
    case 7:
      for (Member& each : zip.members) each.no_checksum = random.one_in(2);
      return;
    case 8:
      (random.one_in(2) ? member.local_extra : member.central_extra) = random.of(kExtraFields);
      return;
    case 9:
      (random.one_in(2) ? member.method : member.flags) =
          static_cast<std::uint16_t>(random.one_in(2) ? 0 : 1u << random.below(16));
      return;
    default:
      zip.end_record64 = !zip.end_record64;
      zip.comment = random.one_in(4) ? mutate_bytes(std::move(zip.comment), 64) : std::string();
      return;
  }
}

}  // namespace

std::string mutate_zip(std::string_view archive, Random& random) {
  Zip zip = take_zip_apart(archive);
  if (zip.members.empty()) return mutate_bytes(std::string(archive), archive.size() + 64);
  if (random.one_in(4)) {
    change_members(zip, random);
  } else {
    Member& member = interesting_member(zip, random);
    member.bytes = mutate_contents(member, random);
  }
  std::string made = to_bytes(zip);
  if (!random.one_in(10)) return made;
  // A contradiction between two places that describe a member.
  for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) {
    const std::size_t table = made.rfind("PK\x01\x02");
    const bool in_table = table != std::string::npos && random.one_in(2);
    const std::size_t first = in_table ? table : 0;
    made[first + random.below(made.size() - first)] = static_cast<char>(random.next());
  }
  return made;
}

std::string cross_zips(std::string_view first, std::string_view second, Random& random) {
  Zip made = take_zip_apart(first);
  const Zip other = take_zip_apart(second);
  for (const Member& member : other.members) {
    if (random.one_in(2)) continue;
    const auto same = std::ranges::find(made.members, member.name, &Member::name);
    same == made.members.end() ? made.members.push_back(member) : void(*same = member);
  }
  return to_bytes(made);
}

}  // namespace sapiens::fuzz
