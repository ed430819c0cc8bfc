#include "sapiens/checkpoint.hpp"

#include <memory>
#include <string_view>

#include "capi/border.hpp"
#include "capi/handles.hpp"
#include "capi/options.hpp"

using namespace sapiens;

static_assert(static_cast<int>(Verdict::Exact) == SAPIENS_VERDICT_EXACT);
static_assert(static_cast<int>(Verdict::Equivalent) == SAPIENS_VERDICT_EQUIVALENT);
static_assert(static_cast<int>(Verdict::Adapted) == SAPIENS_VERDICT_ADAPTED);
static_assert(static_cast<int>(Verdict::Incomplete) == SAPIENS_VERDICT_INCOMPLETE);
static_assert(static_cast<int>(Verdict::Foreign) == SAPIENS_VERDICT_FOREIGN);

sapiens_status sapiens_checkpoint_open(const char* path, sapiens_checkpoint** checkpoint,
                                       sapiens_error** error) {
  return capi::handing_out(checkpoint, "checkpoint", error, [&] {
    capi::require(path, "path");
    return std::make_unique<sapiens_checkpoint>(sapiens_checkpoint{Checkpoint::open(path)});
  });
}

void sapiens_checkpoint_free(sapiens_checkpoint* checkpoint) { delete checkpoint; }

sapiens_status sapiens_checkpoint_inspect(const sapiens_checkpoint* checkpoint,
                                          const sapiens_model_options* options,
                                          sapiens_report** report, sapiens_error** error) {
  return capi::handing_out(report, "report", error, [&] {
    capi::require(checkpoint, "checkpoint");
    return std::make_unique<sapiens_report>(
        checkpoint->checkpoint.inspect(capi::model_options(options)));
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
  for (const UseVerdict& verdict : report->inspection.uses) {
    if (verdict.use == use) return static_cast<int32_t>(verdict.verdict);
  }
  return -1;
}

void sapiens_report_free(sapiens_report* report) { delete report; }
