# Defines sapiens::onednn where oneDNN 2.x is installed (Debian and Ubuntu: libdnnl-dev): an oracle for tests and
# a row in benchmarks, never a part of the library. Its own dnnl-config.cmake would ask for OpenCL.
if(TARGET sapiens::onednn)
  return()
endif()
find_path(SAPIENS_ONEDNN_INCLUDE oneapi/dnnl/dnnl.hpp)
find_library(SAPIENS_ONEDNN_LIBRARY dnnl)
mark_as_advanced(SAPIENS_ONEDNN_INCLUDE SAPIENS_ONEDNN_LIBRARY)
if(NOT SAPIENS_ONEDNN_INCLUDE OR NOT SAPIENS_ONEDNN_LIBRARY)
  return()
endif()
file(STRINGS "${SAPIENS_ONEDNN_INCLUDE}/oneapi/dnnl/dnnl_version.h" _sapiens_onednn_version
     REGEX "#define DNNL_VERSION_MAJOR 2$")
if(NOT _sapiens_onednn_version)
  message(STATUS "oneDNN is not 2.x: neither tested nor measured against")
  return()
endif()
add_library(sapiens::onednn INTERFACE IMPORTED)
set_target_properties(
  sapiens::onednn PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${SAPIENS_ONEDNN_INCLUDE}"
                             INTERFACE_LINK_LIBRARIES "${SAPIENS_ONEDNN_LIBRARY}")
