# Defines sapiens::opencv: OpenCV's core and imgproc.
#
# Debian and Ubuntu keep OpenCVConfig.cmake in libopencv-dev, which drags in every module (viz, contrib, HDF5).
# The two small -dev packages that we need come without it, so we look for headers and libraries ourselves
# where the config is missing. Installed beside sapiensConfig.cmake, which needs the same answer.
if(TARGET sapiens::opencv)
  return()
endif()
add_library(sapiens::opencv INTERFACE IMPORTED)

find_package(OpenCV CONFIG QUIET COMPONENTS core imgproc)
if(OpenCV_FOUND)
  set_target_properties(sapiens::opencv PROPERTIES INTERFACE_LINK_LIBRARIES
                                                   "opencv_core;opencv_imgproc")
  return()
endif()

find_path(SAPIENS_OPENCV_INCLUDE opencv2/imgproc.hpp PATH_SUFFIXES opencv4)
set(_sapiens_opencv_libraries "")
foreach(_module core imgproc)
  find_library(SAPIENS_OPENCV_${_module} opencv_${_module})
  if(NOT SAPIENS_OPENCV_INCLUDE OR NOT SAPIENS_OPENCV_${_module})
    message(FATAL_ERROR "OpenCV's ${_module} was not found. On Debian and Ubuntu: "
                        "apt-get install libopencv-core-dev libopencv-imgproc-dev")
  endif()
  list(APPEND _sapiens_opencv_libraries "${SAPIENS_OPENCV_${_module}}")
endforeach()
set_target_properties(
  sapiens::opencv PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${SAPIENS_OPENCV_INCLUDE}"
                             INTERFACE_LINK_LIBRARIES "${_sapiens_opencv_libraries}")
