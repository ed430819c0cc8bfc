# cmake --install: the library, its headers, the program, and what find_package and pkg-config read.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sapiens")
# Components are what SapiensPackages.cmake makes packages of: program, c (the C library), video, onnx, dev.
install(
  TARGETS sapiens
  EXPORT sapiensTargets
  ARCHIVE COMPONENT dev
  LIBRARY COMPONENT program NAMELINK_COMPONENT dev)
# An export of its own, because a program in C needs none of what the C++ library is linked with.
install(TARGETS sapiens_c EXPORT sapiensCTargets LIBRARY COMPONENT c NAMELINK_COMPONENT dev)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/sapiens" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        COMPONENT dev
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(FILES "${PROJECT_BINARY_DIR}/include/sapiens/version.hpp"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sapiens" COMPONENT dev)
install(EXPORT sapiensTargets NAMESPACE sapiens:: DESTINATION "${package_dir}" COMPONENT dev)
install(EXPORT sapiensCTargets NAMESPACE sapiens:: DESTINATION "${package_dir}" COMPONENT dev)
if(TARGET sapiens_videoio)
  install(TARGETS sapiens_videoio LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/sapiens" COMPONENT video)
endif()
if(TARGET sapiens_onnx_proto)
  install(TARGETS sapiens_onnx_proto LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/sapiens" COMPONENT onnx)
endif()
if(TARGET sapiens_archive_module)
  install(TARGETS sapiens_archive_module LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/sapiens" COMPONENT archive)
endif()
if(TARGET sapiens_downloads)
  install(TARGETS sapiens_downloads EXPORT sapiensDownloadsTargets ARCHIVE COMPONENT dev)
  install(EXPORT sapiensDownloadsTargets NAMESPACE sapiens:: DESTINATION "${package_dir}" COMPONENT dev)
endif()
if(TARGET sapiens_cli)
  set_target_properties(sapiens_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS sapiens_cli RUNTIME COMPONENT program)
endif()
if(TARGET sapiens_shell_files)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT program)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/completions/" DESTINATION "${CMAKE_INSTALL_DATADIR}" COMPONENT program)
endif()

# Before 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sapiensConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/sapiensConfig.cmake.in" "${PROJECT_BINARY_DIR}/sapiensConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
install(FILES "${PROJECT_BINARY_DIR}/sapiensConfig.cmake" "${PROJECT_BINARY_DIR}/sapiensConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/SapiensCodecs.cmake" "${PROJECT_SOURCE_DIR}/cmake/SapiensOpenCV.cmake"
        DESTINATION "${package_dir}" COMPONENT dev)

# A static library cannot name its own dependencies, so whoever links it does.
if(NOT BUILD_SHARED_LIBS)
  set(pc_requires "fmt libjpeg libpng libwebp")
  set(pc_libraries "-lopencv_imgproc -lopencv_core -lOpenEXRCore -pthread")
endif()
# Relative, so that the installed tree may be moved.
file(RELATIVE_PATH pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
set(pc_names sapiens sapiens-c)
if(TARGET sapiens_downloads)
  list(APPEND pc_names sapiens-downloads)
endif()
foreach(name IN LISTS pc_names)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT dev)
endforeach()
