#include "cli/run/claims.hpp"

#include <cerrno>
#include <cstdint>
#include <map>
#include <system_error>
#include <utility>

#include "cli/run/claim_beats.hpp"
#include "cli/run/claim_folder.hpp"
#include "cli/run/claim_record.hpp"
#include "core/atomic_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

void create_work_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail_to_write(folder, "the folder of claims cannot be created", error.value());
}

}  // namespace

class Claim::State {
 public:
  State(std::unique_ptr<ClaimFile> file, fs::path piece, std::string token)
      : token_(std::move(token)),
        piece_(std::move(piece)),
        folder_(piece_ / token_),
        file_(std::move(file)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { stop(); }

  void set_earlier(std::vector<fs::path> folders) { earlier_ = std::move(folders); }
  void start(std::shared_ptr<ClaimBeats> beats) {
    beats->add(*file_);
    beats_ = std::move(beats);
  }
  void release();
  bool look_whether_lost();

  const std::string& token() const { return token_; }
  const fs::path& folder() const { return folder_; }
  const std::vector<fs::path>& earlier() const { return earlier_; }
  ClaimFile& file() const { return *file_; }

 private:
  void stop() noexcept {
    if (beats_ != nullptr) beats_->remove(*file_);
    beats_.reset();
  }

  std::string token_;
  fs::path piece_;
  fs::path folder_;
  std::vector<fs::path> earlier_;
  std::unique_ptr<ClaimFile> file_;
  std::shared_ptr<ClaimBeats> beats_;  // null once the claim is released
};

bool Claim::State::look_whether_lost() {
  try {
    file_->look();
  } catch (const Error&) {
    return true;  // what is there may belong to another process
  }
  return file_->is_lost();
}

void Claim::State::release() {
  if (beats_ == nullptr) return;
  stop();
  if (look_whether_lost()) return;
  const auto remains = set_aside(piece_, token_);
  if (!remains) return;
  file_->close();  // NFS would keep it, under another name, in the folder that is to go
  std::error_code ignored;
  fs::remove_all(*remains, ignored);
}

Claim::Claim(std::unique_ptr<State> state) : state_(std::move(state)) {}
Claim::Claim(Claim&&) noexcept = default;
Claim& Claim::operator=(Claim&&) noexcept = default;
Claim::~Claim() = default;

const std::string& Claim::token() const { return state_->token(); }
const fs::path& Claim::folder() const { return state_->folder(); }
const std::vector<fs::path>& Claim::earlier_folders() const { return state_->earlier(); }
bool Claim::is_lost() const { return state_->file().is_lost(); }
bool Claim::look_whether_lost() { return state_->look_whether_lost(); }
void Claim::release() { state_->release(); }

class Claims::State {
 public:
  State(fs::path folder, ClaimTimes times)
      : folder_(std::move(folder)),
        dead_(times.dead),
        self_(this_process()),
        beats_(std::make_shared<ClaimBeats>(times.beat)) {}

  fs::path piece(const std::string& name) const { return folder_ / claim_folder_name(name); }
  bool is_free(const std::string& name, NewestClaim claim);
  /// Null if another process was faster.
  std::unique_ptr<Claim::State> take(const fs::path& piece, std::int64_t number) const;
  void forget(const std::string& name) { seen_.erase(name); }
  std::optional<ClaimOwner> owner(const std::string& name) const;
  bool has_shown_life(const std::string& name) const;

 private:
  /// What was seen of the newest claim of a piece when it was looked at the last time.
  struct Sighting {
    NewestClaim claim;
    Clock::time_point since;  ///< When it was first seen like this.
    bool has_shown_life = false;
  };

  /// Brings `sighting` up to date with `claim`.
  static void see(Sighting& sighting, NewestClaim claim);
  bool is_dead(const Sighting& sighting) const { return Clock::now() - sighting.since >= dead_; }

  const fs::path folder_;
  const std::chrono::milliseconds dead_;
  const ClaimRecord self_;
  std::shared_ptr<ClaimBeats> beats_;  // also of claims that live longer than this
  std::map<std::string, Sighting> seen_;
};

void Claims::State::see(Sighting& sighting, NewestClaim claim) {
  if (sighting.claim == claim) return;
  const auto before = parse_claim(sighting.claim.text);
  const auto now = parse_claim(claim.text);
  const bool same_owner = before && now && before->owner.token == now->owner.token;
  sighting.has_shown_life = same_owner;
  sighting.claim = std::move(claim);
  sighting.since = Clock::now();
}

bool Claims::State::is_free(const std::string& name, NewestClaim claim) {
  if (claim.number == 0) return true;
  const auto record = parse_claim(claim.text);
  const Life life = record ? life_of(*record, self_) : Life::Unknown;
  if (life == Life::Gone) return true;
  const auto found = seen_.try_emplace(name, Sighting{claim, Clock::now()}).first;
  Sighting& sighting = found->second;
  see(sighting, std::move(claim));
  if (life == Life::Runs) sighting.has_shown_life = true;
  return life == Life::Unknown && is_dead(sighting);
}

std::unique_ptr<Claim::State> Claims::State::take(const fs::path& piece,
                                                  std::int64_t number) const {
  ClaimRecord record = self_;
  record.owner.token = new_token();
  record.beats = 1;
  auto file = ClaimFile::create(piece, number, record);
  if (file == nullptr) return nullptr;
  auto claim = std::make_unique<Claim::State>(std::move(file), piece, record.owner.token);
  if (!create_folder_in_existing(claim->folder())) return nullptr;
  claim->set_earlier(folders_before(piece, number));
  // What was seen before may have been old, or the piece may have been released meanwhile.
  claim->file().look();
  if (claim->file().is_lost()) return nullptr;
  claim->start(beats_);
  return claim;
}

std::optional<ClaimOwner> Claims::State::owner(const std::string& name) const {
  const NewestClaim claim = newest_claim(piece(name));
  const auto record = parse_claim(claim.text);
  if (!record || life_of(*record, self_) == Life::Gone) return std::nullopt;
  const auto seen = seen_.find(name);
  const bool dead = life_of(*record, self_) == Life::Unknown && seen != seen_.end() &&
                    seen->second.claim == claim && is_dead(seen->second);
  if (dead) return std::nullopt;
  return record->owner;
}

bool Claims::State::has_shown_life(const std::string& name) const {
  const auto seen = seen_.find(name);
  return seen != seen_.end() && seen->second.has_shown_life;
}

Claims::Claims(fs::path folder, ClaimTimes times) {
  create_work_folder(folder);
  remove_remains(folder);
  state_ = std::make_unique<State>(std::move(folder), times);
}

Claims::~Claims() = default;

std::optional<Claim> Claims::try_claim(const std::string& name) {
  const fs::path piece = state_->piece(name);
  NewestClaim newest = newest_claim(piece);
  const std::int64_t number = newest.number + 1;
  if (!state_->is_free(name, std::move(newest))) return std::nullopt;
  if (!create_folder_in_existing(piece)) {
    fail_to_write(piece, "a folder of claims cannot be created", ENOENT);
  }
  auto claim = state_->take(piece, number);
  if (claim == nullptr) return std::nullopt;
  state_->forget(name);
  return Claim(std::move(claim));
}

std::optional<ClaimOwner> Claims::owner(const std::string& name) const {
  return state_->owner(name);
}

bool Claims::has_shown_life(const std::string& name) const { return state_->has_shown_life(name); }

}  // namespace sapiens::cli
