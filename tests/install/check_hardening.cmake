# Installs the programs, libraries and modules, and looks at how they were built.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${SCRATCH}")
if(MODULE)
  run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${SCRATCH}" --component python)
endif()
run("${PYTHON}" "${SOURCE}/tools/check_hardening.py" "${READELF}" "${SCRATCH}" "${SOURCE}" "${BUILD}")
