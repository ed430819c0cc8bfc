#include "capi/error_boundary.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "sapiens/current_error.hpp"
#include "sapiens/file_guard.hpp"
#include "sapiens/version.hpp"

using sapiens::ErrorCode;

// An error with static strings, which can be created without an allocation.
struct sapiens_error {
  sapiens_status status;
  const char *summary, *file, *key, *expected, *actual, *hint, *text;
};

namespace sapiens::capi {
namespace {

// The status of a code is one more than its place in `ErrorCode`.
constexpr sapiens_status status_of(ErrorCode code) { return static_cast<sapiens_status>(code) + 1; }
static_assert(status_of(ErrorCode::InvalidArgument) == SAPIENS_INVALID_ARGUMENT);
static_assert(status_of(ErrorCode::NotFound) == SAPIENS_NOT_FOUND);
static_assert(status_of(ErrorCode::CorruptFile) == SAPIENS_CORRUPT_FILE);
static_assert(status_of(ErrorCode::UnsupportedFormat) == SAPIENS_UNSUPPORTED_FORMAT);
static_assert(status_of(ErrorCode::CheckpointRefused) == SAPIENS_CHECKPOINT_REFUSED);
static_assert(status_of(ErrorCode::ShapeMismatch) == SAPIENS_SHAPE_MISMATCH);
static_assert(status_of(ErrorCode::OutOfResources) == SAPIENS_OUT_OF_RESOURCES);
static_assert(status_of(ErrorCode::UnsupportedHardware) == SAPIENS_UNSUPPORTED_HARDWARE);
static_assert(status_of(ErrorCode::WriteFailed) == SAPIENS_WRITE_FAILED);
static_assert(status_of(ErrorCode::Network) == SAPIENS_NETWORK);
static_assert(status_of(ErrorCode::Internal) == SAPIENS_INTERNAL);

// Keys of hostile files may hold zero bytes, where C would see an end.
void fill_zeros(std::string& text) { std::ranges::replace(text, '\0', '?'); }

struct OwnedError : sapiens_error {
  OwnedError(sapiens_status ended, ErrorDetail given, std::string whole)
      : detail(std::move(given)), full(std::move(whole)) {
    for (std::string* const part : {&detail.summary, &detail.file, &detail.key, &detail.expected,
                                    &detail.actual, &detail.hint}) {
      fill_zeros(*part);
    }
    status = ended;
    summary = detail.summary.c_str();
    file = detail.file.c_str();
    key = detail.key.c_str();
    expected = detail.expected.c_str();
    actual = detail.actual.c_str();
    hint = detail.hint.c_str();
    text = full.c_str();
  }
  OwnedError(const OwnedError&) = delete;
  OwnedError& operator=(const OwnedError&) = delete;
  ~OwnedError() = default;

  ErrorDetail detail;
  std::string full;
};

// For when there is no memory to say that there is none. Never written to, never freed.
constinit const sapiens_error kOutOfMemory = {
    SAPIENS_OUT_OF_RESOURCES,
    "memory ran out",
    "",
    "",
    "",
    "",
    "use a smaller batch, or the precision bf16 or int8",
    "[out-of-resources] memory ran out\n"
    "  hint:     use a smaller batch, or the precision bf16 or int8"};

sapiens_error* out_of_memory() { return const_cast<sapiens_error*>(&kOutOfMemory); }

sapiens_error* owned(const Error& error) {
  return new OwnedError(status_of(error.code()), error.detail(), error.what());
}

sapiens_error* internal(const std::string& what) {
  return owned(Error(ErrorCode::Internal, {.summary = what,
                                           .hint = "this is a bug in sapiens, or the caller's "
                                                   "progress function threw an exception"}));
}

// May run out of memory itself.
sapiens_error* describe_exception() {
  try {
    throw;
  } catch (const Cancelled&) {
    const ErrorDetail detail{.summary = "the caller's progress function asked to stop"};
    return new OwnedError(SAPIENS_CANCELLED, detail, "[cancelled] " + detail.summary);
  } catch (...) {
    const Error error = current_error();
    return error.code() == ErrorCode::Internal ? internal(error.detail().summary) : owned(error);
  }
}

}  // namespace

Progress progress_of(sapiens_progress function, void* user_data) {
  if (!function) return {};
  return [function, user_data](double done) {
    if (function(done, user_data) != 0) throw Cancelled{};
  };
}

void refuse(const char* summary, const char* name, std::string expected, std::string actual) {
  throw Error(ErrorCode::InvalidArgument, {.summary = summary,
                                           .key = name,
                                           .expected = std::move(expected),
                                           .actual = std::move(actual)});
}

sapiens_status status_from_exception(sapiens_error** error) noexcept {
  sapiens_error* described = nullptr;
  try {
    described = describe_exception();
  } catch (...) {
    described = out_of_memory();
  }
  const sapiens_status status = described->status;
  if (error) {
    *error = described;
  } else {
    sapiens_error_free(described);
  }
  return status;
}

}  // namespace sapiens::capi

const char* sapiens_version(void) { return SAPIENS_VERSION; }

void sapiens_guard_mapped_files(void) { sapiens::guard_mapped_files(); }

const char* sapiens_status_name(sapiens_status status) {
  if (status == SAPIENS_OK) return "ok";
  if (status == SAPIENS_CANCELLED) return "cancelled";
  if (status < SAPIENS_OK || status > SAPIENS_INTERNAL) return "unknown";
  return sapiens::error_code_name(static_cast<ErrorCode>(status - 1)).data();  // a literal
}

sapiens_status sapiens_error_status(const sapiens_error* error) {
  return error ? error->status : SAPIENS_OK;
}
const char* sapiens_error_summary(const sapiens_error* error) {
  return error ? error->summary : "";
}
const char* sapiens_error_file(const sapiens_error* error) { return error ? error->file : ""; }
const char* sapiens_error_key(const sapiens_error* error) { return error ? error->key : ""; }
const char* sapiens_error_expected(const sapiens_error* error) {
  return error ? error->expected : "";
}
const char* sapiens_error_actual(const sapiens_error* error) { return error ? error->actual : ""; }
const char* sapiens_error_hint(const sapiens_error* error) { return error ? error->hint : ""; }
const char* sapiens_error_text(const sapiens_error* error) { return error ? error->text : ""; }

void sapiens_error_free(sapiens_error* error) {
  if (error != &sapiens::capi::kOutOfMemory) {
    delete static_cast<sapiens::capi::OwnedError*>(error);
  }
}
