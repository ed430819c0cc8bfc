#include "sapiens/checkpoint.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "capi/error_boundary.hpp"
#include "capi/handles.hpp"
#include "capi/options.hpp"
#include "sapiens/onnx.hpp"
#include "sapiens/verify.hpp"

using namespace sapiens;

static_assert(static_cast<int>(Verdict::Exact) == SAPIENS_VERDICT_EXACT);
static_assert(static_cast<int>(Verdict::Equivalent) == SAPIENS_VERDICT_EQUIVALENT);
static_assert(static_cast<int>(Verdict::Adapted) == SAPIENS_VERDICT_ADAPTED);
static_assert(static_cast<int>(Verdict::Incomplete) == SAPIENS_VERDICT_INCOMPLETE);
static_assert(static_cast<int>(Verdict::Foreign) == SAPIENS_VERDICT_FOREIGN);
static_assert(static_cast<int>(Verdict::Ambiguous) == SAPIENS_VERDICT_AMBIGUOUS);

sapiens_status sapiens_checkpoint_open(const char* path, sapiens_checkpoint** checkpoint,
                                       sapiens_error** error) {
  return capi::create_handle(checkpoint, "checkpoint", error, [&] {
    capi::require(path, "path");
    return std::make_unique<sapiens_checkpoint>(sapiens_checkpoint{Checkpoint::open(path)});
  });
}

void sapiens_checkpoint_free(sapiens_checkpoint* checkpoint) { delete checkpoint; }

sapiens_status sapiens_checkpoint_inspect(const sapiens_checkpoint* checkpoint,
                                          const sapiens_model_options* options,
                                          sapiens_report** report, sapiens_error** error) {
  return capi::create_handle(report, "report", error, [&] {
    capi::require(checkpoint, "checkpoint");
    return std::make_unique<sapiens_report>(
        checkpoint->checkpoint.inspect(capi::model_options(options)));
  });
}

sapiens_status sapiens_checkpoint_verify(const sapiens_checkpoint* checkpoint,
                                         const sapiens_model_options* options,
                                         sapiens_report** report, sapiens_error** error) {
  return capi::create_handle(report, "report", error, [&] {
    capi::require(checkpoint, "checkpoint");
    const ModelOptions model = capi::model_options(options);
    const Verification found = verify_checkpoint(checkpoint->checkpoint);
    auto made =
        std::make_unique<sapiens_report>(inspect_verified(checkpoint->checkpoint, model, found));
    if (!found.intact()) made->warnings = damage_of(found);
    return made;
  });
}

sapiens_status sapiens_checkpoint_convert(const sapiens_checkpoint* checkpoint, const char* output,
                                          const sapiens_model_options* model,
                                          const sapiens_convert_options* options,
                                          sapiens_report** report, sapiens_error** error) {
  return capi::create_handle(report, "report", error, [&] {
    capi::require(checkpoint, "checkpoint");
    capi::require(output, "output");
    capi::ConvertCall wanted = capi::convert_call(options);
    wanted.options.model = capi::model_options(model);
    // Made first, so that no file is there when memory for it runs out.
    auto made =
        std::make_unique<sapiens_report>(checkpoint->checkpoint.inspect(wanted.options.model));
    made->warnings =
        convert_checkpoint(checkpoint->checkpoint, output, wanted.options, wanted.progress)
            .warnings;
    return made;
  });
}

sapiens_status sapiens_checkpoint_convert_to_onnx(const sapiens_checkpoint* checkpoint,
                                                  const char* output,
                                                  const sapiens_model_options* model,
                                                  const sapiens_onnx_options* options,
                                                  sapiens_report** report, sapiens_error** error) {
  return capi::create_handle(report, "report", error, [&] {
    capi::require(checkpoint, "checkpoint");
    capi::require(output, "output");
    capi::OnnxCall wanted = capi::onnx_call(options);
    wanted.options.model = capi::model_options(model);
    // Made first, so that no file is there when memory for it runs out.
    auto made =
        std::make_unique<sapiens_report>(checkpoint->checkpoint.inspect(wanted.options.model));
    made->warnings =
        convert_to_onnx(checkpoint->checkpoint, output, wanted.options, wanted.progress).warnings;
    return made;
  });
}

const char* sapiens_report_text(const sapiens_report* report) {
  return report ? report->text.c_str() : "";
}

const char* sapiens_report_json(const sapiens_report* report) {
  return report ? report->json.c_str() : "";
}

int32_t sapiens_report_verdict(const sapiens_report* report) {
  return report ? static_cast<int32_t>(report->inspection.report.verdict) : -1;
}

int32_t sapiens_report_verdict_for(const sapiens_report* report, const char* use) {
  if (!report || !use) return -1;
  const std::optional<Use> wanted = find_use(use);
  for (const UseVerdict& verdict : report->inspection.uses) {
    if (verdict.use == wanted) return static_cast<int32_t>(verdict.verdict);
  }
  return -1;
}

int64_t sapiens_report_warning_count(const sapiens_report* report) {
  return report ? std::ssize(report->warnings) : 0;
}

const char* sapiens_report_warning(const sapiens_report* report, int64_t index) {
  if (index < 0 || index >= sapiens_report_warning_count(report)) return "";
  return report->warnings[static_cast<std::size_t>(index)].c_str();
}

void sapiens_report_free(sapiens_report* report) { delete report; }
