# Defines sapiens::http, cpp-httplib, where it is installed. Debian and Ubuntu split it into a small header and a
# library, and build it with TLS and compression; its pkg-config file has the macros that make header and library agree.
# Only the program sapiens-serve is linked to it.
if(NOT SAPIENS_SERVER OR NOT SAPIENS_BUILD_CLI OR TARGET sapiens::http)
  return()
endif()
add_library(sapiens_http INTERFACE)
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(SAPIENS_HTTPLIB QUIET IMPORTED_TARGET cpp-httplib)
endif()
if(SAPIENS_HTTPLIB_FOUND)
  target_link_libraries(sapiens_http INTERFACE PkgConfig::SAPIENS_HTTPLIB)
else()
  find_package(httplib QUIET)
  if(NOT httplib_FOUND)
    message(STATUS "cpp-httplib was not found: no `sapiens serve`. On Debian and Ubuntu: "
                   "apt-get install libcpp-httplib-dev")
    return()
  endif()
  target_link_libraries(sapiens_http INTERFACE httplib::httplib)
endif()
add_library(sapiens::http ALIAS sapiens_http)
