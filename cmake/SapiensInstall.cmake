# cmake --install: the library, its headers, the program, and what find_package and pkg-config read.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sapiens")
install(TARGETS sapiens EXPORT sapiensTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/sapiens" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_BINARY_DIR}/include/sapiens/version.hpp"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sapiens")
install(EXPORT sapiensTargets NAMESPACE sapiens:: DESTINATION "${package_dir}")
foreach(module sapiens_videoio sapiens_transfer)
  if(TARGET ${module})
    install(TARGETS ${module} LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/sapiens")
  endif()
endforeach()
if(TARGET sapiens_cli)
  set_target_properties(sapiens_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS sapiens_cli)
endif()

# Before 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sapiensConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/sapiensConfig.cmake.in" "${PROJECT_BINARY_DIR}/sapiensConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
install(FILES "${PROJECT_BINARY_DIR}/sapiensConfig.cmake" "${PROJECT_BINARY_DIR}/sapiensConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/SapiensCodecs.cmake" "${PROJECT_SOURCE_DIR}/cmake/SapiensOpenCV.cmake"
        DESTINATION "${package_dir}")

# A static library cannot name its own dependencies, so whoever links it does.
if(NOT BUILD_SHARED_LIBS)
  set(pc_requires "fmt libjpeg libpng libwebp")
  set(pc_libraries "-lopencv_imgproc -lopencv_core -lOpenEXRCore -pthread")
endif()
# Relative, so that the installed tree may be moved.
file(RELATIVE_PATH pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/sapiens.pc.in" "${PROJECT_BINARY_DIR}/sapiens.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/sapiens.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
