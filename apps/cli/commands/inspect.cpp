#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sapiens/checkpoint.hpp>
#include <sapiens/printable.hpp>
#include <sapiens/verify.hpp>

#include "cli/commands/commands.hpp"
#include "cli/options/options.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

struct InspectOptions {
  std::string checkpoint;
  ModelOptions model;
  bool tensors = false;
  bool verify = false;
};

bool stdout_takes_colour() { return isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR"); }

Json tensors_json(const Checkpoint& checkpoint) {
  Json list = Json::array();
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    list.push_back({{"key", tensor.key}, {"dtype", tensor.type}, {"shape", tensor.shape}});
    if (!tensor.readable) list.back()["readable"] = false;
  }
  return list;
}

Json verification_json(const Verification& verification) {
  Json damaged = Json::array();
  for (const DamagedMember& member : verification.damaged) {
    damaged.push_back({{"member", member.name},
                       {"tensors", member.tensors},
                       {"expected", member.expected},
                       {"actual", member.actual}});
  }
  return {{"values_checked", verification.ran && !verification.checksum.empty()},
          {"checksum", verification.checksum.empty() ? Json(nullptr) : Json(verification.checksum)},
          {"members", verification.members},
          {"bytes", verification.bytes},
          {"members_without_checksum", verification.unguarded},
          {"tensors_without_checksum", verification.unguarded_tensors},
          {"not_compared", verification.not_compared},
          {"damaged", damaged}};
}

void print_inspection(const Checkpoint& checkpoint, const Inspection& inspection,
                      const Verification& verification, const InspectOptions& options, bool json) {
  if (json) {
    Json document = Json::parse(inspection.json(flag_of));
    if (options.verify) document["verification"] = verification_json(verification);
    if (options.tensors) document["tensors"] = tensors_json(checkpoint);
    print_json(document);
    return;
  }
  print_as_it_is(inspection_text(inspection, stdout_takes_colour()));
  if (!options.tensors) return;
  print("\n");
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    print(fmt::format("{:<5} {:<22} {}\n", printable(tensor.type),
                      fmt::format("[{}]", fmt::join(tensor.shape, ", ")), printable(tensor.key)));
  }
}

/// The same document as always, as far as it can be filled: a file that is something else is
/// foreign, a damaged one incomplete, and one that cannot be read has no verdict.
void print_unreadable(const InspectOptions& options, const Error& thrown) {
  const Error error = with_flags(thrown);
  const bool foreign = error.code() == ErrorCode::UnsupportedFormat;
  Inspection inspection;
  inspection.file.path = options.checkpoint;
  std::error_code unknown_size;
  const auto bytes = std::filesystem::file_size(options.checkpoint, unknown_size);
  inspection.report.verdict = foreign ? Verdict::Foreign : Verdict::Incomplete;
  inspection.report.explanation = error.detail().actual.empty()
                                      ? error.detail().summary
                                      : error.detail().summary + ": " + error.detail().actual;
  inspection.report.hint = error.detail().hint;

  Json document = Json::parse(inspection.json());
  document["file"]["format"] = nullptr;
  document["file"]["bytes"] = unknown_size ? Json(nullptr) : Json(bytes);
  document["model"]["family"] = foreign ? Json("foreign") : Json(nullptr);
  if (error.code() == ErrorCode::NotFound) document["report"]["verdict"] = nullptr;
  document["error"] = error_json(error);
  print_json(document);
}

void run(const InspectOptions& options, Session& session) {
  try {
    const Checkpoint checkpoint = Checkpoint::open(options.checkpoint);
    const Verification verification =
        options.verify ? verify_checkpoint(checkpoint) : checksums_of(checkpoint);
    const Inspection inspection = inspect_verified(checkpoint, options.model, verification);
    print_inspection(checkpoint, inspection, verification, options, session.json);
    session.exit_code = !verification.intact()                 ? kBadFile
                        : is_usable(inspection.report.verdict) ? kDone
                                                               : kRefused;
  } catch (const Error& error) {
    session.exit_code = exit_code(error.code());
    if (!session.json || session.exit_code != kBadFile) throw;
    say_error(error);
    print_unreadable(options, error);
  }
}

}  // namespace

void add_inspect_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* inspect =
      app.add_subcommand("inspect", "Recognise a checkpoint and report whether it is complete");
  takes_checkpoint(inspect->add_option("CKPT", options->checkpoint, kCheckpointHelp))->required();
  inspect->add_flag("--tensors", options->tensors, "Also list every tensor");
  inspect->add_flag("--verify", options->verify,
                    "Read all values and compare the checksums that the file has");
  add_model_options(*inspect, options->model);
  add_size_option(*inspect, options->model.input_size, "Image size to show the shapes for");
  add_json_flag(*inspect, session);
  inspect->footer(
      "Exit code 3 says that the weights do not add up to the model, exit code 4 that the file\n"
      "cannot be read, or that --verify found damage. Without --verify no values are read.\n\n"
      "Example:\n  sapiens inspect sapiens_0.3b_epoch_1600_clean.pth");
  inspect->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli
