# Defines sapiens::libarchive where it is installed. Only the module that is loaded when an archive is read links it.
# Installed programs do not need it.
if(NOT SAPIENS_ARCHIVE OR TARGET sapiens::libarchive)
  return()
endif()
find_package(LibArchive QUIET)
if(NOT LibArchive_FOUND)
  message(STATUS "libarchive was not found: no tar and zip archives. On Debian and Ubuntu: "
                 "apt-get install libarchive-dev")
  return()
endif()
add_library(sapiens::libarchive INTERFACE IMPORTED)
target_link_libraries(sapiens::libarchive INTERFACE LibArchive::LibArchive)
