# Defines sapiens::codecs: libjpeg-turbo, libpng, libwebp and OpenEXRCore.
#
# They are linked directly because OpenCV's imgcodecs, as Debian and Ubuntu build it, brings 115 more libraries
# (GDAL, HDF5, poppler ...): a tenth of a second and 40 MB for each start of a program.
# OpenEXRCore is the half of OpenEXR in C, which needs zlib only; the half in C++ brings four libraries more.
# Installed beside sapiensConfig.cmake, which needs the same answer.
if(TARGET sapiens::codecs)
  return()
endif()
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_path(SAPIENS_WEBP_INCLUDE webp/decode.h)
find_library(SAPIENS_WEBP_LIBRARY webp)
if(NOT SAPIENS_WEBP_INCLUDE OR NOT SAPIENS_WEBP_LIBRARY)
  message(FATAL_ERROR "libwebp was not found. On Debian and Ubuntu: apt-get install libwebp-dev")
endif()
find_path(SAPIENS_OPENEXR_INCLUDE OpenEXR/openexr.h)
find_library(SAPIENS_OPENEXR_LIBRARY OpenEXRCore)
if(NOT SAPIENS_OPENEXR_INCLUDE OR NOT SAPIENS_OPENEXR_LIBRARY)
  message(FATAL_ERROR "OpenEXR 3 was not found. On Debian and Ubuntu: apt-get install libopenexr-dev")
endif()

add_library(sapiens::codecs INTERFACE IMPORTED)
set_target_properties(
  sapiens::codecs
  PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${SAPIENS_WEBP_INCLUDE};${SAPIENS_OPENEXR_INCLUDE}"
             INTERFACE_LINK_LIBRARIES "JPEG::JPEG;PNG::PNG;${SAPIENS_WEBP_LIBRARY};${SAPIENS_OPENEXR_LIBRARY}")
