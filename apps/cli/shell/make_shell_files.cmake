# Lets the program write its man pages and completions into a folder, laid out as share/ is:
#
#   cmake -DPROGRAM=bin/sapiens -DFOLDER=build/release -P make_shell_files.cmake
function(run)
  execute_process(COMMAND "${PROGRAM}" ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(write_completion shell file)
  get_filename_component(folder "${file}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  run(completion ${shell} OUTPUT_FILE "${file}")
endfunction()

file(REMOVE_RECURSE "${FOLDER}/man" "${FOLDER}/completions")  # pages of commands that are gone
run(man --output "${FOLDER}/man/man1")
write_completion(bash "${FOLDER}/completions/bash-completion/completions/sapiens")
write_completion(zsh "${FOLDER}/completions/zsh/site-functions/_sapiens")
write_completion(fish "${FOLDER}/completions/fish/vendor_completions.d/sapiens.fish")
