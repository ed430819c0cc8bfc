#include "cli/run/claim_record.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <system_error>
#include <vector>

#include "cli/input/json_file.hpp"
#include "cli/terminal/messages.hpp"
#include "core/parse_number.hpp"
#include "sapiens/printable.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBeatsWidth = 12;
constexpr std::string_view kClaimEnd = "}\n";
constexpr std::size_t kTokenLength = 32;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct ProcessStat {
  long pid = 0;
  char state = 0;
  std::uint64_t started = 0;
};

/// Reads "4711 (name) S ...", of which the name may contain spaces and parentheses.
std::optional<ProcessStat> process_stat(const std::string& process) {
  const std::string text = content_of("/proc/" + process + "/stat");
  const auto name = text.find(" (");
  const auto name_end = text.rfind(") ");
  if (name == std::string::npos || name_end == std::string::npos) return std::nullopt;
  // The state is field 3, the start is field 22.
  std::istringstream rest(text.substr(name_end + 2));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  if (fields.size() < 20) return std::nullopt;
  const auto pid = parse_number<long>(std::string_view(text).substr(0, name));
  const auto started = parse_number<std::uint64_t>(fields[19]);
  if (!pid || !started) return std::nullopt;
  return ProcessStat{*pid, fields[0].front(), *started};
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

bool is_token(std::string_view text) {
  return text.size() == kTokenLength &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<std::string> text_field(const Json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<std::int64_t> number_field(const Json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

bool is_same_machine(const ClaimRecord& a, const ClaimRecord& b) {
  return !a.boot.empty() && a.boot == b.boot && a.pid_namespace == b.pid_namespace &&
         a.owner.host == b.owner.host;
}

}  // namespace

std::string ClaimOwner::text() const {
  return fmt::format("process {} on {}", pid, printable(host));
}

ClaimRecord this_process() {
  ClaimRecord record;
  record.owner.host = host_name();
  record.owner.pid = ::getpid();
  const auto stat = process_stat("self");
  std::error_code error;
  const fs::path pid_namespace = fs::read_symlink("/proc/self/ns/pid", error);
  // A container may show the /proc of another one, where this process has another number. Without
  // `boot`, its owner is one of another machine for all.
  if (!stat || stat->pid != record.owner.pid || error) return record;
  const std::string boot = content_of("/proc/sys/kernel/random/boot_id");
  record.boot = boot.substr(0, boot.find('\n'));
  record.pid_namespace = pid_namespace.string();
  record.started = stat->started;
  return record;
}

std::string new_token() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string claim_text(const ClaimRecord& record) {
  std::string text = json_line({{"host", record.owner.host},
                                {"boot", record.boot},
                                {"pid_namespace", record.pid_namespace},
                                {"pid", record.owner.pid},
                                {"started", record.started},
                                {"token", record.owner.token}});
  text.pop_back();  // the closing brace
  return fmt::format(R"({},"beats":{}{})", text, beats_text(record.beats), kClaimEnd);
}

std::size_t beats_position(std::string_view claim_text) {
  return claim_text.size() - kClaimEnd.size() - kBeatsWidth;
}

std::string beats_text(std::int64_t beats) { return fmt::format("{:>{}}", beats, kBeatsWidth); }

std::optional<ClaimRecord> parse_claim(std::string_view text) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  const auto host = text_field(document, "host");
  const auto boot = text_field(document, "boot");
  const auto pid_namespace = text_field(document, "pid_namespace");
  const auto pid = number_field(document, "pid");
  const auto started = number_field(document, "started");
  const auto token = text_field(document, "token");
  const auto beats = number_field(document, "beats");
  if (!host || !boot || !pid_namespace || !pid || !started || !token || !beats) {
    return std::nullopt;
  }
  if (!is_token(*token) || *pid <= 0 || *pid > INT_MAX) return std::nullopt;
  return ClaimRecord{
      {*host, *pid, *token}, *boot, *pid_namespace, static_cast<std::uint64_t>(*started), *beats};
}

Life life_of(const ClaimRecord& record, const ClaimRecord& self) {
  if (record.beats == kLeft) return Life::Gone;
  if (!is_same_machine(record, self)) return Life::Unknown;
  if (::kill(static_cast<::pid_t>(record.owner.pid), 0) != 0 && errno == ESRCH) return Life::Gone;
  // Other users' processes may be hidden in /proc.
  const auto stat = process_stat(std::to_string(record.owner.pid));
  if (!stat) return Life::Unknown;
  // Z and X: dead, but its parent has not asked how it ended, which in containers may take forever.
  const bool ended = stat->state == 'Z' || stat->state == 'X';
  return ended || stat->started != record.started ? Life::Gone : Life::Runs;
}

}  // namespace sapiens::cli
