#include "sapiens/current_error.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace sapiens {
namespace {

/// The memory limits of this process, because std::bad_alloc does not say how much was requested.
std::string limits_text() {
  std::string text;
  const auto add = [&](auto resource, const char* name, rlim_t unit, const char* unit_name) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    text += fmt::format("{}{} limited to {}{}", text.empty() ? "" : ", ", name,
                        limit.rlim_cur / unit, unit_name);
  };
  add(RLIMIT_AS, "address space (ulimit -v)", 1000000, " MB");
  add(RLIMIT_DATA, "data (ulimit -d)", 1000000, " MB");
  return text;
}

bool is_shortage(const std::error_code& code) {
  return code == std::errc::resource_unavailable_try_again ||
         code == std::errc::not_enough_memory || code == std::errc::no_space_on_device ||
         code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system;
}

Error shortage(std::string summary) {
  return Error(ErrorCode::OutOfResources,
               {.summary = std::move(summary),
                .actual = limits_text(),
                .hint = "use a smaller batch, fewer threads, or a machine with more memory"});
}

Error unexpected(std::string what) {
  return Error(ErrorCode::Internal,
               {.summary = std::move(what), .hint = "please report this as a bug"});
}

}  // namespace

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return shortage("memory ran out");
  } catch (const std::length_error&) {  // a container exceeded its max_size
    return shortage("memory ran out");
  } catch (const std::system_error& error) {
    if (is_shortage(error.code())) return shortage(error.what());
    return unexpected(error.what());
  } catch (const std::exception& error) {
    return unexpected(error.what());
  } catch (...) {
    return unexpected("an exception of an unknown type");
  }
}

}  // namespace sapiens
