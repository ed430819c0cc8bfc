#include "sapiens/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/stored_member.hpp"
#include "checkpoint/zip.hpp"
#include "checkpoint/zip_layout.hpp"
#include "core/thread_pool.hpp"
#include "engine/problems.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

/// One member to compare, or why its bytes cannot be found.
struct Candidate {
  std::string name;
  std::shared_ptr<const StoredMember> member = nullptr;
  std::string problem = {};
};

// An archive inside an archive is compared member by member, if its members have checksums.
struct Members {
  std::vector<Candidate> candidates;
  Verification known;
};

void add_archive(const ZipArchive& archive, Members& out) {
  for (const ZipEntry& entry : archive.entries()) {
    if (entry.size == 0 && entry.crc == 0) continue;  // nothing to compare
    if (entry.method != zip::kStored || (entry.flags & zip::kEncryptedFlag) != 0) {
      out.known.not_compared.emplace_back(entry.name);
      continue;
    }
    if (!archive.has_checksum(entry)) {
      ++out.known.unguarded;
      continue;
    }
    ++out.known.members;
    out.known.bytes += entry.size;
    Candidate candidate{.name = std::string(entry.name)};
    try {
      candidate.member = archive.member(entry);
    } catch (const Error& error) {
      candidate.problem = error.detail().summary;
    }
    out.candidates.push_back(std::move(candidate));
  }
}

Members members_of(const StateDict& dict) {
  Members members;
  for (const auto& archive : dict.archives) add_archive(*archive, members);
  for (const TensorEntry& tensor : dict.tensors) {
    if (!tensor.member || !tensor.member->has_checksum()) ++members.known.unguarded_tensors;
  }
  if (members.known.members > 0) members.known.checksum = "CRC-32";
  return members;
}

std::optional<DamagedMember> compare(const Candidate& candidate) {
  if (!candidate.member) return DamagedMember{.name = candidate.name, .actual = candidate.problem};
  if (candidate.member->is_intact()) return std::nullopt;
  return DamagedMember{.name = candidate.name,
                       .tensors = candidate.member->tensors_text(),
                       .expected = fmt::format("CRC-32 {:08x}", candidate.member->expected_crc()),
                       .actual = fmt::format("CRC-32 {:08x}", candidate.member->found_crc())};
}

bool all_were_checked(const Members& members) {
  return std::ranges::all_of(members.candidates, [](const Candidate& candidate) {
    return candidate.member && candidate.member->was_checked();
  });
}

std::string guarded_text(const Verification& known) {
  return fmt::format("{} of {}", counted(static_cast<Index>(known.members), "member"),
                     readable_bytes(known.bytes));
}

// A text about members without checksums, appended to the text about the others.
std::string unguarded_text(const Verification& known) {
  std::string text;
  if (known.unguarded > 0) {
    text += fmt::format(
        "; {} no checksum, with {}",
        known.unguarded == 1 ? "1 more has" : fmt::format("{} more have", known.unguarded),
        counted(static_cast<Index>(known.unguarded_tensors), "tensor"));
  }
  if (!known.not_compared.empty()) {
    const bool one = known.not_compared.size() == 1;
    text += fmt::format("; {} compressed {} no tensors and {} not compared ({}{})",
                        known.not_compared.size(), one ? "member holds" : "members hold",
                        one ? "is" : "are", known.not_compared.front(), one ? "" : ", ...");
  }
  return text;
}

std::string compared_text(const Verification& known) {
  if (!known.ran) {
    return fmt::format(
        "values were not checked: `verify_checkpoint` compares the checksums of {}, and "
        "loading weights those of its own",
        guarded_text(known));
  }
  if (known.intact()) return fmt::format("values match the checksums of {}", guarded_text(known));
  return fmt::format("DAMAGED: {} of the checksums of {} {} not match", known.damaged.size(),
                     guarded_text(known), known.damaged.size() == 1 ? "does" : "do");
}

std::string summary(const Verification& known) {
  if (known.checksum.empty()) {
    return "values were not checked: no checksums in this file, so damage inside of them cannot be "
           "noticed";
  }
  return compared_text(known) + unguarded_text(known);
}

std::string damage_text(const DamagedMember& member) {
  const std::string tensors = member.tensors.empty() ? "no tensor" : member.tensors;
  if (member.expected.empty()) {
    return fmt::format("damaged: {} ({}): {}", member.name, tensors, member.actual);
  }
  return fmt::format("damaged: {} ({}): {} expected, {} found", member.name, tensors,
                     member.expected, member.actual);
}

}  // namespace

Verification checksums_of(const Checkpoint& checkpoint) {
  Members members = members_of(checkpoint.state_dict());
  members.known.ran = !members.candidates.empty() && all_were_checked(members);
  return std::move(members.known);
}

Verification verify_checkpoint(const Checkpoint& checkpoint) {
  Members members = members_of(checkpoint.state_dict());
  std::vector<std::optional<DamagedMember>> found(members.candidates.size());
  const ThreadPool pool;
  pool.parallel_tasks(static_cast<Index>(found.size()), [&](Index task, int) {
    const auto i = static_cast<std::size_t>(task);
    found[i] = compare(members.candidates[i]);
    if (members.candidates[i].member) members.candidates[i].member->forget();
  });
  Verification result = std::move(members.known);
  result.ran = true;
  for (auto& damage : found) {
    if (damage) result.damaged.push_back(std::move(*damage));
  }
  return result;
}

std::vector<std::string> describe(const Verification& known) {
  std::vector<std::string> lines = damage_of(known);
  lines.insert(lines.begin(), summary(known));
  return lines;
}

std::vector<std::string> damage_of(const Verification& known) {
  std::vector<std::string> lines;
  constexpr std::size_t kMaxShown = 20;
  const std::size_t shown = std::min(known.damaged.size(), kMaxShown);
  for (std::size_t i = 0; i < shown; ++i) lines.push_back(damage_text(known.damaged[i]));
  if (shown < known.damaged.size()) {
    lines.push_back(fmt::format("damaged: {} more", known.damaged.size() - shown));
  }
  return lines;
}

}  // namespace sapiens
