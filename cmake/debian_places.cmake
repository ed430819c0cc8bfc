# Run by cpack between installing the components and packing them: what Debian wants otherwise than `cmake --install`.
file(GLOB pages "${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/man1/*.1")
if(pages)
  # -n: without names and times, so that equal pages make equal packages.
  execute_process(COMMAND gzip -9n ${pages} COMMAND_ERROR_IS_FATAL ANY)
endif()

# Its zsh does not look into /usr/share/zsh/site-functions.
file(GLOB folders "${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/zsh/site-functions")
foreach(folder IN LISTS folders)
  get_filename_component(zsh "${folder}" DIRECTORY)
  file(RENAME "${folder}" "${zsh}/vendor-completions")
endforeach()
