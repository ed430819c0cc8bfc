# cpack -G DEB, in the build folder: a package for each component of SapiensInstall.cmake (docs/packages.md).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sapiens)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_CONTACT "The authors of sapiens.cpp" CACHE STRING "Who is named as maintainer of packages")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL program c dev)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/debian_places.cmake")
set(c_package "libsapiens-c${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME sapiens)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION graphics)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "The program: features, keypoints, parts, depth and normals of people.")

set(CPACK_DEBIAN_C_PACKAGE_NAME "${c_package}")
set(CPACK_DEBIAN_C_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_C_DESCRIPTION "The library with the C interface.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libsapiens-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEV_DESCRIPTION "Headers, the C++ library, and what CMake and pkg-config read.")
# What the C++ library, which is static, is linked with; programs in C need none of it.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${c_package} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS
    "libfmt-dev, libjpeg-dev, libpng-dev, libwebp-dev, libopenexr-dev, libopencv-core-dev, libopencv-imgproc-dev")

# A package of its own for a module, since a module brings libraries that few need: OpenCV's videoio alone 240.
set(suggested "")
macro(sapiens_module_package target component description)
  if(TARGET ${target})
    string(TOUPPER ${component} upper)
    list(APPEND CPACK_COMPONENTS_ALL ${component})
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME sapiens-${component})
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION graphics)
    set(CPACK_COMPONENT_${upper}_DESCRIPTION "${description}")
    list(APPEND suggested sapiens-${component})
  endif()
endmacro()
sapiens_module_package(sapiens_videoio video "The module that lets sapiens read videos and cameras.")
sapiens_module_package(sapiens_onnx_proto onnx "The module that lets sapiens write ONNX files.")
sapiens_module_package(sapiens_archive_module archive "The module that lets sapiens read and write archives.")
list(JOIN suggested ", " CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS)

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER "${component}" upper)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" RENAME copyright
          DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}"
          COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
