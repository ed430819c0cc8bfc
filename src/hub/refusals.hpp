#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hub/connection.hpp"

namespace sapiens::hub {

/// Throws for any status but 200 and 206: Transient for one that may pass, else what the hub means
/// by it. `page` is where a person reads about the file, `token` what was sent to say who we are.
void expect_success(const Answer& answer, const std::string& page, const Token& token);

/// Throws UnsupportedFormat where `head`, the beginning of a file, is none of a checkpoint.
void expect_checkpoint(std::span<const std::byte> head, const std::string& url);

/// Throws UnsupportedFormat for an answer that is a web page.
void expect_no_page(const Answer& answer);

/// Throws what `why`, the error of opening the file, says.
[[noreturn]] void refuse_unreadable(const RemoteFile& file, const Error& why);

/// Throws OutOfResources: memory ran out during a download.
[[noreturn]] void fail_for_memory();

/// Throws CorruptFile.
[[noreturn]] void refuse_digest(const RemoteFile& file, const std::string& actual);

}  // namespace sapiens::hub
