#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

/// What a shell's command line prints, both streams of it, and how it ends.
Finished run_shell(const std::string& line) {
  std::FILE* pipe = popen(("exec 2>&1; " + line).c_str(), "r");
  if (pipe == nullptr) return {};
  Finished finished;
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    finished.out.append(buffer, n);
  }
  const int status = pclose(pipe);
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return finished;
}

bool is_installed(const std::string& tool) { return run_shell("command -v " + tool).code == 0; }

/// The line, run where a shell finds the program by its name.
std::string in_path(const std::string& line) {
  return "PATH=" + fs::path(SAPIENS_PROGRAM).parent_path().string() + ":$PATH; " + line;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The commands that `sapiens --help` lists.
std::vector<std::string> command_names() {
  std::vector<std::string> names;
  bool inside = false;
  for (const std::string& line : lines_of(run_sapiens({"--help"}).out)) {
    if (inside && line.empty()) break;
    if (inside) names.push_back(line.substr(2, line.find(' ', 2) - 2));
    inside = inside || line == "Subcommands:";
  }
  return names;
}

std::string script_for(const std::string& shell) {
  const Finished run = run_sapiens({"completion", shell});
  EXPECT_EQ(run.code, 0) << run.err;
  return run.out;
}

/// What bash, without the package bash-completion, offers at the end of `line`. The words are
/// parted as bash itself does it, at `=` and `:` too.
std::vector<std::string> offered_by_bash(const std::string& line) {
  constexpr const char* kAsk = R"(
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} rest=$2 COMPREPLY=()
while [[ $rest =~ ^[[:space:]]*([^[:space:]:=]+|[:=]+)(.*)$ ]]; do
  COMP_WORDS+=("${BASH_REMATCH[1]}") rest=${BASH_REMATCH[2]}
done
[[ $2 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
[[ $(complete -p sapiens) =~ -F\ ([^ ]+) ]] && "${BASH_REMATCH[1]}" sapiens
[[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\n' "${COMPREPLY[@]}"
)";
  const Scratch scratch;
  write_bytes(scratch / "sapiens", script_for("bash"));
  write_bytes(scratch / "ask", kAsk);
  fs::create_directory(scratch / "folder");
  write_bytes(scratch / "1.pth", "");
  const Finished answer = run_shell(
      in_path("cd " + scratch.path().string() + " && bash --norc ./ask ./sapiens '" + line + "'"));
  EXPECT_EQ(answer.code, 0) << answer.out;
  return lines_of(answer.out);
}

/// The words that the program offers at the end of a command line, without their descriptions.
std::vector<std::string> offered(std::vector<std::string> words) {
  words.insert(words.begin(), "__complete");
  const Finished run = run_sapiens(words);
  EXPECT_EQ(run.code, 0) << run.err;
  std::vector<std::string> lines = lines_of(run.out);
  if (lines.size() < 2) return {"fewer than two lines"};
  lines.erase(lines.begin(), lines.begin() + 2);
  for (std::string& line : lines) line.resize(std::min(line.size(), line.find('\t')));
  return lines;
}

TEST(Completion, OffersEveryCommandAndDescribesIt) {
  const auto commands = command_names();
  ASSERT_THAT(commands, IsSupersetOf({"features", "pose", "serve", "completion", "man"}));
  EXPECT_EQ(offered({""}), commands);
  EXPECT_THAT(run_sapiens({"__complete", ""}).out, HasSubstr("\nman\tPrint the man page"));
}

TEST(Completion, SaysWhatPartOfTheWordStaysAndWhatElseMayFollow) {
  EXPECT_EQ(run_sapiens({"__complete", "depth", "--format=npy,p"}).out,
            "--format=npy,\nlist\npng\nexr\n");
  EXPECT_EQ(run_sapiens({"__complete", "features", "-o"}).out.substr(0, 2), "\n\n");
  EXPECT_EQ(run_sapiens({"__complete", "features", "-ofold"}).out, "-o\nfolders\n");
  EXPECT_EQ(run_sapiens({"__complete", "serve", "--model", "pose=1b"}).out.substr(0, 11),
            "pose=\nfiles");
}

TEST(Completion, LeavesOutOptionsThatTheLineHas) {
  EXPECT_THAT(offered({"features", "-"}), IsSupersetOf({"-o", "--output", "--viz"}));
  EXPECT_THAT(offered({"features", "-o", "folder", "--viz", "-"}),
              Not(testing::AnyOf(Contains("-o"), Contains("--output"), Contains("--viz"))));
}

TEST(Completion, HelpTextsDoNotNameTheQuestionOfTheScripts) {
  EXPECT_THAT(run_sapiens({"--help"}).out, Not(HasSubstr("__complete")));
}

TEST(Completion, ScriptsAreWhatTheirShellsUnderstand) {
  const Scratch scratch;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    if (!is_installed(shell)) continue;
    write_bytes(scratch / shell, script_for(shell));
    const Finished check = run_shell(shell + " -n " + scratch / shell);
    EXPECT_EQ(check.code, 0) << shell;
    EXPECT_THAT(check.out, IsEmpty()) << shell;
  }
}

TEST(Completion, UnknownShellsAreRefusedWithTheKnownNames) {
  const Finished run = run_sapiens({"completion", "tcsh"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.out, IsEmpty());
  for (const char* shell : {"bash", "zsh", "fish"}) EXPECT_THAT(run.err, HasSubstr(shell));
}

class BashCompletion : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_installed("bash")) GTEST_SKIP() << "there is no bash";
  }
};

TEST_F(BashCompletion, CompletesCommandsAndOptions) {
  EXPECT_THAT(offered_by_bash("sapiens fea"), ElementsAre("features"));
  EXPECT_EQ(offered_by_bash("sapiens "), command_names());
  EXPECT_THAT(offered_by_bash("sapiens --v"), ElementsAre("--version"));
  EXPECT_THAT(offered_by_bash("sapiens features --prec"), ElementsAre("--precision"));
  EXPECT_THAT(offered_by_bash("sapiens features -"), IsSupersetOf({"-o", "--output", "--viz"}));
}

TEST_F(BashCompletion, CompletesValuesOfAFixedSet) {
  const auto precisions = ElementsAre("auto", "fp32", "bf16", "int8");
  EXPECT_THAT(offered_by_bash("sapiens features --precision "), precisions);
  EXPECT_THAT(offered_by_bash("sapiens features --precision="), precisions);
  EXPECT_THAT(offered_by_bash("sapiens features --precision=bf"), ElementsAre("bf16"));
  EXPECT_THAT(offered_by_bash("sapiens inspect a.pth --arch 0"), ElementsAre("0.3b", "0.6b"));
  EXPECT_THAT(offered_by_bash("sapiens depth --format npy,p"), ElementsAre("npy,png"));
  EXPECT_THAT(offered_by_bash("sapiens completion "), ElementsAre("bash", "zsh", "fish"));
}

TEST_F(BashCompletion, CompletesNamesOfPublishedCheckpointsBehindTheColon) {
  EXPECT_THAT(offered_by_bash("sapiens seg 0.3b:s"), ElementsAre("seg"));
  EXPECT_THAT(offered_by_bash("sapiens pull 2b:"), Contains("depth"));
  EXPECT_THAT(offered_by_bash("sapiens pose a.pth b.jpg --detector de"), ElementsAre("detector"));
  EXPECT_THAT(offered_by_bash("sapiens serve --model pose=1b:pose3"), ElementsAre("pose308"));
}

TEST_F(BashCompletion, CompletesFilesBesideNamesAndLeavesOtherPathsToReadline) {
  EXPECT_THAT(offered_by_bash("sapiens seg 1"), IsSupersetOf({"1b:seg", "1.pth"}));
  EXPECT_THAT(offered_by_bash("sapiens seg "), Contains("folder/"));
  EXPECT_THAT(offered_by_bash("sapiens run --mask "),
              ElementsAre("auto", "none", "folder/"));  // a folder, not a file
  // `complete -o default` offers files where the function offers nothing.
  EXPECT_THAT(offered_by_bash("sapiens seg 0.3b:seg "), IsEmpty());
  EXPECT_THAT(offered_by_bash("sapiens seg 0.3b:seg photos --output "), IsEmpty());
}

TEST_F(BashCompletion, RunsNothingThatWasTyped) {
  const Scratch scratch;
  const std::string file = scratch / "made";
  for (const std::string& typed : {"$(echo>" + file + "),", "`echo>" + file + "`,", "*,"s}) {
    EXPECT_THAT(offered_by_bash("sapiens depth --format " + typed + "p"),
                ElementsAre(typed + "png"));
    EXPECT_FALSE(fs::exists(file)) << typed;
  }
}

TEST_F(BashCompletion, OffersNothingWhereAnythingMayStand) {
  EXPECT_THAT(offered_by_bash("sapiens features --size "), IsEmpty());
  EXPECT_THAT(offered_by_bash("sapiens convert a.pth b.pth "), IsEmpty());
  EXPECT_THAT(offered_by_bash("sapiens dance "), IsEmpty());
}

/// What fish offers at the end of `line`, without descriptions.
std::vector<std::string> offered_by_fish(const std::string& line) {
  const Scratch scratch;
  write_bytes(scratch / "completions", script_for("fish"));
  fs::create_directory(scratch / "folder");
  write_bytes(scratch / "1.pth", "");
  const Finished answer = run_shell(in_path("export HOME=" + scratch.path().string() +
                                            "; cd $HOME && fish --no-config -c '" +
                                            "source completions; complete -C \"" + line + "\"'"));
  EXPECT_EQ(answer.code, 0) << answer.out;
  std::vector<std::string> lines = lines_of(answer.out);
  for (std::string& offer : lines) offer.resize(std::min(offer.size(), offer.find('\t')));
  return lines;
}

TEST(FishCompletion, CompletesWhatTheProgramOffers) {
  if (!is_installed("fish")) GTEST_SKIP() << "there is no fish";
  EXPECT_THAT(offered_by_fish("sapiens fea"), ElementsAre("features"));
  EXPECT_THAT(offered_by_fish("sapiens --v"), ElementsAre("--version"));
  EXPECT_THAT(offered_by_fish("sapiens features --prec"), ElementsAre("--precision"));
  EXPECT_THAT(offered_by_fish("sapiens features --precision bf"), ElementsAre("bf16"));
  EXPECT_THAT(offered_by_fish("sapiens features --precision=bf"), ElementsAre("--precision=bf16"));
  EXPECT_THAT(offered_by_fish("sapiens depth --format npy,p"), ElementsAre("npy,png"));
  EXPECT_THAT(offered_by_fish("sapiens seg 0.3b:s"), ElementsAre("0.3b:seg"));
  EXPECT_THAT(offered_by_fish("sapiens seg 1"), IsSupersetOf({"1b:seg", "1.pth"}));
  EXPECT_THAT(offered_by_fish("sapiens run --mask fo"), ElementsAre("folder/"));
  EXPECT_THAT(offered_by_fish("sapiens features --output=fo"), ElementsAre("--output=folder/"));
  EXPECT_THAT(offered_by_fish("sapiens features --size "), IsEmpty());
}

/// What zsh makes of `line` when the tabulator is pressed: where that is one word, the line with
/// it.
std::string completed_by_zsh(const std::string& line) {
  constexpr const char* kAsk = R"zsh(
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; autoload -U compinit; compinit -u -D; source ./script"
zpty -w shell "show() { print -r -- \"<line>\$BUFFER</line>\"; exit }; zle -N show; bindkey '^X' show"
zpty -w shell "print ready-\$((1 + 1))"
local output
zpty -r -m shell output '*ready-2*'
zpty -n -w shell "$1"$'\t\x18'
zpty -r -m shell output '*<line>*</line>*' && print -r -- ${${output##*<line>}%%</line>*}
)zsh";
  const Scratch scratch;
  write_bytes(scratch / "script", script_for("zsh"));
  write_bytes(scratch / "ask", kAsk);
  fs::create_directory(scratch / "folder");
  const Finished answer = run_shell(
      in_path("cd " + scratch.path().string() + " && timeout 60 zsh -f ./ask '" + line + "'"));
  EXPECT_EQ(answer.code, 0) << answer.out;
  return answer.out.substr(0, answer.out.find('\n'));
}

TEST(ZshCompletion, CompletesWhatTheProgramOffers) {
  if (!is_installed("zsh")) GTEST_SKIP() << "there is no zsh";
  EXPECT_EQ(completed_by_zsh("sapiens fea"), "sapiens features ");
  EXPECT_EQ(completed_by_zsh("sapiens features --prec"), "sapiens features --precision ");
  EXPECT_EQ(completed_by_zsh("sapiens features --precision=bf"),
            "sapiens features --precision=bf16 ");
  EXPECT_EQ(completed_by_zsh("sapiens depth --format npy,p"), "sapiens depth --format npy,png,");
  EXPECT_EQ(completed_by_zsh("sapiens seg 0.3b:s"), "sapiens seg 0.3b:seg ");
  EXPECT_EQ(completed_by_zsh("sapiens features --output=fo"), "sapiens features --output=folder/");
}

TEST(ManPages, ThereIsOneForEveryCommand) {
  const Scratch scratch;
  ASSERT_EQ(run_sapiens({"man", "--output", scratch / "man1"}).code, 0);
  EXPECT_EQ(read_bytes(scratch / "man1/sapiens.1"), run_sapiens({"man"}).out);
  for (const std::string& command : command_names()) {
    const std::string page = read_bytes(scratch / "man1/sapiens-" + command + ".1");
    EXPECT_EQ(page, run_sapiens({"man", command}).out);
    for (const char* section :
         {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"}) {
      EXPECT_THAT(page, HasSubstr(std::string(".SH ") + section + "\n")) << command;
    }
  }
}

TEST(ManPages, TellOptionsValuesDefaultsAndEnvironment) {
  const std::string page = run_sapiens({"man", "features"}).out;
  EXPECT_THAT(page, HasSubstr("\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fIDIR\\fR\n"
                              "Folder for the results. Required."));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-precision\\fR \\fIauto|fp32|bf16|int8\\fR"));
  EXPECT_THAT(page, HasSubstr("1b|\\:2b|\\:sapiens2_0.1b|\\:"));
  EXPECT_THAT(page, HasSubstr("A number from 1 to 4096. By default 1."));
  EXPECT_THAT(page, HasSubstr("SAPIENS_ISA"));
  EXPECT_THAT(page, Not(HasSubstr("HF_TOKEN")));
  EXPECT_THAT(run_sapiens({"man", "pull"}).out, HasSubstr("HF_TOKEN"));
}

TEST(ManPages, AreWhatGroffUnderstands) {
  if (!is_installed("groff")) GTEST_SKIP() << "there is no groff";
  const Scratch scratch;
  ASSERT_EQ(run_sapiens({"man", "--output", scratch / "man1"}).code, 0);
  for (const auto& page : fs::directory_iterator(scratch / "man1")) {
    const Finished check = run_shell("groff -man -Tutf8 -ww -z " + page.path().string());
    EXPECT_EQ(check.code, 0) << page.path();
    EXPECT_THAT(check.out, IsEmpty()) << page.path();
  }
}

TEST(ManPages, AreRefusedForCommandsThatDoNotExist) {
  EXPECT_EQ(run_sapiens({"man", "dance"}).code, 2);
  EXPECT_EQ(run_sapiens({"man", "--output", "/dev/null/man1"}).code, 5);
}

}  // namespace
}  // namespace sapiens
