# Defines sapiens::videoio, OpenCV's videoio, where it is installed. Only the module that is loaded when a video
# is opened links it: with FFmpeg and GStreamer it brings 240 libraries. Installed programs do not need it.
if(NOT SAPIENS_VIDEO OR TARGET sapiens::videoio)
  return()
endif()
# Where OpenCVConfig.cmake is installed, SapiensOpenCV has read it.
if(TARGET opencv_videoio)
  add_library(sapiens::videoio INTERFACE IMPORTED)
  set_target_properties(sapiens::videoio PROPERTIES INTERFACE_LINK_LIBRARIES "opencv_videoio;sapiens::opencv")
  return()
endif()
find_path(SAPIENS_VIDEOIO_INCLUDE opencv2/videoio.hpp PATH_SUFFIXES opencv4)
find_library(SAPIENS_VIDEOIO_LIBRARY opencv_videoio)
mark_as_advanced(SAPIENS_VIDEOIO_INCLUDE SAPIENS_VIDEOIO_LIBRARY)
if(NOT SAPIENS_VIDEOIO_INCLUDE OR NOT SAPIENS_VIDEOIO_LIBRARY)
  message(STATUS "OpenCV's videoio was not found: no videos, no cameras. On Debian and Ubuntu: "
                 "apt-get install libopencv-videoio-dev")
  return()
endif()
add_library(sapiens::videoio INTERFACE IMPORTED)
set_target_properties(
  sapiens::videoio PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${SAPIENS_VIDEOIO_INCLUDE}"
                              INTERFACE_LINK_LIBRARIES "${SAPIENS_VIDEOIO_LIBRARY};sapiens::opencv")
