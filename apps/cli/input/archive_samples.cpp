#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <limits>
#include <sapiens/printable.hpp>
#include <utility>

#include "cli/input/archive_inputs.hpp"
#include "cli/input/archive_members.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNoRank = std::numeric_limits<std::size_t>::max();

}  // namespace

class ArchiveSamples::State {
  struct Entry {
    ArchiveMember member = {};
    std::size_t position = 0;
  };

  /// The members of one key so far.
  struct Gathered {
    std::string key = {};
    std::size_t rank = kNoRank;  ///< Of the image among the keys of images.
    Sample sample = {};
    std::size_t sidecar_bytes = 0;
  };

 public:
  State(const InputFile& archive, SampleRules rules)
      : archive_(archive),
        rules_(std::move(rules)),
        stem_(without_archive_ending(archive.name)),
        is_zip_(archive.path != "-" && archive_bytes_of(archive.path) == ArchiveBytes::Zip),
        reader_(archive.path == "-" ? ArchiveReader(0, "standard input")
                                    : ArchiveReader(archive.path)) {
    if (rules_.image_keys.empty()) rules_.image_keys = SampleRules{}.image_keys;
  }

  std::optional<Sample> next() {
    Gathered gathered;
    while (advance()) {
      if (!is_zip_ && begins_sample(gathered)) {
        if (std::optional<Sample> sample = finish(std::move(gathered))) return sample;
        gathered = {};
      }
      const Entry entry = *std::exchange(waiting_, std::nullopt);
      if (!is_zip_) {
        take(gathered, entry);
      } else if (is_image_name(entry.member.name)) {
        gathered.key = key_of(entry.member.name);
        take_image(gathered, entry, 0);
        return finish(std::move(gathered));
      } else {
        leave_out(LeftOutReason::OtherKind, entry.member.name);
      }
    }
    if (std::optional<Sample> sample = finish(std::move(gathered))) return sample;
    if (lost_) std::rethrow_exception(std::exchange(lost_, nullptr));
    return std::nullopt;
  }

  const LeftOutList& left_out() const { return left_out_; }

 private:
  void leave_out(LeftOutReason reason, const std::string& member) {
    left_out_.add(reason, archive_.path.string() + "/" + member);
  }

  /// Goes to the next file of the archive that is not hidden, unless one waits; false at the end,
  /// and where the rest is lost.
  bool advance() {
    while (!waiting_ && !ended_) {
      std::optional<ArchiveMember> member;
      try {
        member = reader_.next();
      } catch (const Error&) {
        lost_ = std::current_exception();  // what was found before comes first
      }
      ended_ = !member;
      if (ended_) break;
      const std::size_t position = members_++;
      if (member->kind == ArchiveMemberKind::Folder) continue;  // what is in it are members
      if (member->kind != ArchiveMemberKind::File) {
        leave_out(LeftOutReason::NoContent, member->name);
      } else if (is_hidden_member(member->name)) {
        leave_out(LeftOutReason::Hidden, member->name);
      } else {
        waiting_ = {std::move(*member), position};
      }
    }
    return waiting_.has_value();
  }

  /// Of a tar up to the first dot behind the last slash, of a zip up to the last one.
  std::string key_of(std::string_view name) const {
    name = below_folder(name);
    const std::size_t base = name.rfind('/') + 1;
    const std::size_t dot = is_zip_ ? name.rfind('.') : name.find('.', base);
    return std::string(name.substr(0, dot));
  }

  /// In small letters: "jpg" or "cls.txt". `key` is that of the member.
  static std::string field_of(std::string_view name, std::string_view key) {
    name = below_folder(name).substr(key.size());
    return lower_case(name.substr(std::min<std::size_t>(1, name.size())));
  }

  std::size_t rank_of(std::string_view field) const {
    const auto rank = std::ranges::find(rules_.image_keys, field) - rules_.image_keys.begin();
    return rank == std::ssize(rules_.image_keys) ? kNoRank : static_cast<std::size_t>(rank);
  }

  /// True where the member that waits has another key, or repeats an image.
  bool begins_sample(const Gathered& gathered) const {
    const std::string key = key_of(waiting_->member.name);
    if (key != gathered.key) return true;
    const std::size_t rank = rank_of(field_of(waiting_->member.name, key));
    return rank != kNoRank && rank == gathered.rank;
  }

  void take(Gathered& gathered, const Entry& entry) {
    const std::string& name = entry.member.name;
    gathered.key = key_of(name);
    const std::string field = field_of(name, gathered.key);
    const std::size_t rank = rank_of(field);
    if (rank < gathered.rank) {
      if (gathered.rank != kNoRank) {
        leave_out(LeftOutReason::OtherField, gathered.sample.input.member);
      }
      take_image(gathered, entry, rank);
    } else if (rank == kNoRank && rules_.with_content && is_sidecar(field)) {
      take_sidecar(gathered, entry, field);
    } else {
      leave_out(LeftOutReason::OtherField, name);
    }
  }

  void take_image(Gathered& gathered, const Entry& entry, std::size_t rank) {
    const std::string& name = entry.member.name;
    InputFile& input = gathered.sample.input;
    gathered.rank = rank;
    gathered.sample.error.reset();
    input.path = archive_.path;
    // Results are called as the key, which has no dots in a tar.
    input.name = stem_ / (gathered.key + name.substr(name.rfind('.')));
    input.member = name;
    input.position = entry.position;
    input.content.reset();
    if (entry.member.encrypted || entry.member.size.value_or(0) > kMaxArchiveMember) {
      gathered.sample.error = Error(ErrorCode::UnsupportedFormat,
                                    {.summary = entry.member.encrypted ? "the member is encrypted"
                                                                       : "the member is too large",
                                     .file = archive_.path.string(),
                                     .key = printable(name)});
    } else if (rules_.with_content) {
      try {
        input.content = std::make_shared<const std::vector<std::byte>>(reader_.read());
      } catch (const Error& error) {
        gathered.sample.error = error;
      }
    }
  }

  void take_sidecar(Gathered& gathered, const Entry& entry, const std::string& field) {
    std::vector<Sidecar>& sidecars = gathered.sample.input.sidecars;
    const std::uint64_t size = entry.member.size.value_or(0);
    const auto same = std::ranges::find(sidecars, field, &Sidecar::field);
    if (same != sidecars.end()) return leave_out(LeftOutReason::OtherField, entry.member.name);
    if (size > kMaxSidecar || gathered.sidecar_bytes + size > kMaxSidecars) {
      return leave_out(LeftOutReason::LargeSidecar, entry.member.name);
    }
    try {
      sidecars.push_back({field, reader_.read(kMaxSidecar)});
      gathered.sidecar_bytes += size;
    } catch (const Error& error) {
      // An image is not passed on with some of its labels.
      if (!gathered.sample.error) gathered.sample.error = error;
    }
  }

  /// What is known of a sample behind its last member; nothing of one without an image.
  std::optional<Sample> finish(Gathered gathered) {
    InputFile& input = gathered.sample.input;
    if (gathered.rank == kNoRank) {
      for (const Sidecar& sidecar : input.sidecars) {
        leave_out(LeftOutReason::OtherField, gathered.key + "." + sidecar.field);
      }
      return std::nullopt;
    }
    if (const std::string problem = problem_of_name(gathered.key); !problem.empty()) {
      gathered.sample.error = Error(
          ErrorCode::InvalidArgument,
          {.summary = "results cannot be called as this member of an archive is",
           .file = archive_.path.string(),
           .key = printable(input.member),
           .expected = fmt::format("a path below the archive, of at most {} bytes, and {} in each "
                                   "of its parts",
                                   kMaxMemberName, kMaxMemberPart),
           .actual = printable(problem)});
      input.name.clear();
    } else if (!is_new(gathered)) {
      gathered.sample.error = Error(ErrorCode::InvalidArgument,
                                    {.summary = "the key of this image occurred before",
                                     .file = archive_.path.string(),
                                     .key = printable(input.member),
                                     .hint = "the first one counts: rename the other member"});
    }
    if (gathered.sample.error) {
      input.content.reset();
      input.sidecars.clear();
    }
    return std::move(gathered.sample);
  }

  bool is_new(Gathered& gathered) {
    if (!is_zip_) return keys_.insert(gathered.key);
    InputFile& input = gathered.sample.input;
    const std::string name(below_folder(input.member));
    // No name of a file has a slash at its end, so that names and keys cannot be taken for each
    // other.
    if (!keys_.insert(name + "/")) return false;
    if (!rules_.with_content || keys_.insert(gathered.key)) return true;
    input.name += input.name.extension();
    return keys_.insert(name);
  }

  InputFile archive_;
  SampleRules rules_;
  fs::path stem_;  // of the names of inputs
  bool is_zip_;
  ArchiveReader reader_;
  std::size_t members_ = 0;
  std::optional<Entry> waiting_;
  bool ended_ = false;
  std::exception_ptr lost_;
  KeySet keys_;
  LeftOutList left_out_;
};

ArchiveSamples::ArchiveSamples(const InputFile& archive, SampleRules rules)
    : state_(std::make_unique<State>(archive, std::move(rules))) {}

ArchiveSamples::ArchiveSamples(ArchiveSamples&&) noexcept = default;
ArchiveSamples& ArchiveSamples::operator=(ArchiveSamples&&) noexcept = default;
ArchiveSamples::~ArchiveSamples() = default;

std::optional<ArchiveSamples::Sample> ArchiveSamples::next() { return state_->next(); }

const LeftOutList& ArchiveSamples::left_out() const { return state_->left_out(); }

}  // namespace sapiens::cli
