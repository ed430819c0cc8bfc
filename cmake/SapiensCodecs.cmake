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

# A shared library brings what it needs. A static one does not, but those who ship it, vcpkg and Conan, also ship a
# CMake package that knows.
macro(_sapiens_find_codec name header library package target debian)
  find_path(SAPIENS_${name}_INCLUDE ${header})
  find_library(SAPIENS_${name}_LIBRARY ${library})
  if(SAPIENS_${name}_INCLUDE AND SAPIENS_${name}_LIBRARY AND NOT SAPIENS_${name}_LIBRARY MATCHES "\\.a$")
    list(APPEND _sapiens_codec_includes "${SAPIENS_${name}_INCLUDE}")
    list(APPEND _sapiens_codec_libraries "${SAPIENS_${name}_LIBRARY}")
  else()
    find_package(${package} CONFIG QUIET)
    if(NOT TARGET ${target})
      message(FATAL_ERROR "${package} was not found. On Debian and Ubuntu: apt-get install ${debian}")
    endif()
    list(APPEND _sapiens_codec_libraries ${target})
  endif()
endmacro()
set(_sapiens_codec_includes "")
set(_sapiens_codec_libraries JPEG::JPEG PNG::PNG)
_sapiens_find_codec(WEBP webp/decode.h webp WebP WebP::webp libwebp-dev)
_sapiens_find_codec(OPENEXR OpenEXR/openexr.h OpenEXRCore OpenEXR OpenEXR::OpenEXRCore libopenexr-dev)

add_library(sapiens::codecs INTERFACE IMPORTED)
set_target_properties(
  sapiens::codecs PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_sapiens_codec_includes}"
                             INTERFACE_LINK_LIBRARIES "${_sapiens_codec_libraries}")
