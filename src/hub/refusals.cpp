#include "hub/refusals.hpp"

#include <fmt/format.h>

#include "checkpoint/identify.hpp"
#include "core/byte_reader.hpp"
#include "core/parse_number.hpp"

namespace sapiens::hub {
namespace {

constexpr double kMaxPatience = 120;

/// What the hub says in its own words; others' text is cut short.
std::string words_of(const Answer& answer) {
  constexpr std::size_t kMaxWords = 300;
  const std::string words = answer.header("x-error-message").substr(0, kMaxWords);
  return words.empty() ? fmt::format("status {}", answer.status)
                       : fmt::format("status {}: {}", answer.status, words);
}

/// Seconds, as numbers; dates are too rare to be read.
std::optional<double> retry_after(const Answer& answer) {
  return parse_number<unsigned>(answer.header("retry-after"));
}

void refuse_for_now(const Answer& answer) {
  const std::optional<double> wait = retry_after(answer);
  ErrorDetail detail{.summary = answer.status == 429 ? "the hub gets too many requests from here"
                                                     : "the hub has trouble of its own",
                     .file = answer.url,
                     .actual = words_of(answer),
                     .hint = "try again later; what has arrived is kept"};
  if (wait && *wait > kMaxPatience) {
    detail.hint = fmt::format("the hub asks to wait for {:.0f} s", *wait);
    throw Error(ErrorCode::Network, detail);
  }
  throw Transient{Error(ErrorCode::Network, detail), wait};
}

void refuse_access(const Answer& answer, const std::string& page, const Token& token) {
  const bool gated = answer.header("x-error-code") == "GatedRepo";
  std::string hint;
  if (answer.status == 401 && !token.text.empty()) {
    hint = fmt::format("the token of {} was sent and not accepted: make a new one, or remove it",
                       token.source);
  } else if (!token.text.empty()) {
    hint = fmt::format("ask for access, or accept the licence, on {}", page);
  } else {
    hint = fmt::format(
        "accept the licence on {}, make a token in the settings of your account, and set "
        "HF_TOKEN to it (or log in with `hf auth login`)",
        page);
  }
  throw Error(ErrorCode::NotFound, {.summary = gated ? "the hub gives this file to those alone who "
                                                       "have accepted its licence"
                                                     : "the hub does not give us this file",
                                    .file = answer.url,
                                    .actual = words_of(answer),
                                    .hint = hint});
}

}  // namespace

void expect_success(const Answer& answer, const std::string& page, const Token& token) {
  const int status = answer.status;
  if (status == 200 || status == 206) return;
  if (status == 408 || status == 429 || status >= 500) refuse_for_now(answer);
  if (status == 401 || status == 403) refuse_access(answer, page, token);
  if (status == 404) {
    throw Error(ErrorCode::NotFound,
                {.summary = "the hub has no such file",
                 .file = answer.url,
                 .actual = words_of(answer),
                 .hint = fmt::format("it may have been renamed: look at {}, download it there, and "
                                     "name the file itself",
                                     page)});
  }
  throw Error(ErrorCode::Network, {.summary = "the hub gives an answer that makes no sense here",
                                   .file = answer.url,
                                   .actual = words_of(answer),
                                   .hint = "check HF_ENDPOINT, if it is set"});
}

void expect_checkpoint(std::span<const std::byte> head, const std::string& url) {
  const std::string_view text = as_text(head);
  if (looks_like_zip(text) || looks_like_safetensors(text) || looks_like_torch_legacy(text)) return;
  try {
    refuse_file({.bytes = head, .source = url});
  } catch (const Error& error) {
    throw Error(
        ErrorCode::UnsupportedFormat,
        {.summary = "what the hub sent is not a checkpoint",
         .file = url,
         .expected = error.detail().expected,
         .actual = error.detail().actual.empty() ? error.detail().summary : error.detail().actual,
         .hint = "nothing was kept; open the address in a browser to see what is there, "
                 "and check HF_ENDPOINT and proxies"});
  }
}

void expect_no_page(const Answer& answer) {
  if (!answer.header("content-type").starts_with("text/html")) return;
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = "what the hub sent is not a checkpoint",
               .file = answer.url,
               .expected = "a .pth, .pt2 or safetensors file",
               .actual = "a web page (HTML), perhaps an error page or a login form",
               .hint = "open the address in a browser to see what is there, and check HF_ENDPOINT "
                       "and proxies"});
}

void refuse_unreadable(const RemoteFile& file, const Error& why) {
  const ErrorDetail& detail = why.detail();
  throw Error(
      why.code(),
      {.summary = "what the hub sent cannot be read as a checkpoint",
       .file = file.url,
       .key = detail.key,
       .expected = detail.expected,
       .actual = detail.actual.empty() ? detail.summary
                                       : fmt::format("{}: {}", detail.summary, detail.actual),
       .hint = "nothing was kept; the hub tells no digest, so it may have broken off, or a "
               "proxy or a mirror gives out another file"});
}

void fail_for_memory() {
  throw Error(ErrorCode::OutOfResources, {.summary = "memory ran out during a download"});
}

void refuse_digest(const RemoteFile& file, const std::string& actual) {
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the download is not the file that the hub describes",
               .file = file.url,
               .expected = "sha256 " + file.sha256,
               .actual = "sha256 " + actual,
               .hint = "it was removed, and the same command starts afresh; if that fails again, a "
                       "proxy or a mirror gives out another file"});
}

}  // namespace sapiens::hub
