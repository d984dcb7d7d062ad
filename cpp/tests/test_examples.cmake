# Run by ctest: see CMakeLists.txt.
cmake_minimum_required(VERSION 3.24)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
endfunction()

file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work})
run(${CMAKE_COMMAND} --install ${build} --prefix ${work}/prefix --component runtime)
if(NOT sanitize STREQUAL "")
  set(flags "-fsanitize=${sanitize}")
endif()
run(${CMAKE_COMMAND} -S ${sources} -B ${work}/build -G ${generator} -D CMAKE_MAKE_PROGRAM=${make_program}
  -D CMAKE_PREFIX_PATH=${work}/prefix -D CMAKE_BUILD_TYPE=Release -D "CMAKE_C_FLAGS=${flags}" -D "CMAKE_CXX_FLAGS=${flags}")
run(${CMAKE_COMMAND} --build ${work}/build)

# Without CMake: a C compiler and what pkg-config says. The package has been moved since it was installed.
file(RENAME ${work}/prefix ${work}/moved)
find_program(pkg_config NAMES pkg-config pkgconf REQUIRED)
file(GLOB_RECURSE pc_file ${work}/moved/*/arsenal.pc)
cmake_path(GET pc_file PARENT_PATH pc_folder)
set(ENV{PKG_CONFIG_PATH} ${pc_folder})
execute_process(COMMAND ${pkg_config} --cflags --libs arsenal OUTPUT_VARIABLE pc_flags COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(pc_flags UNIX_COMMAND "${pc_flags}")
run(${c_compiler} ${flags} ${sources}/score.c -o ${work}/build/score_pc ${pc_flags})

run(${write_model} ${work}/model.onnx)
file(WRITE ${work}/rows.csv "0.5,0\n0.6,0\n0.6,-3\nnan,-9\n")
set(wanted "11\n22\n-8\n11\n")
foreach(program score_c score_cpp score_pc)
  execute_process(COMMAND ${work}/build/${program} ${work}/model.onnx INPUT_FILE ${work}/rows.csv
    OUTPUT_VARIABLE got COMMAND_ERROR_IS_FATAL ANY)
  if(NOT got STREQUAL wanted)
    message(FATAL_ERROR "${program} printed\n${got}\nwanted\n${wanted}")
  endif()
  # A file that is no model: one line that says so, and exit status 1.
  execute_process(COMMAND ${work}/build/${program} ${work}/rows.csv INPUT_FILE ${work}/rows.csv
    RESULT_VARIABLE status OUTPUT_VARIABLE got ERROR_VARIABLE said)
  if(NOT status EQUAL 1 OR NOT got STREQUAL "" OR NOT said MATCHES "^[^\n]+\n$")
    message(FATAL_ERROR "${program}: status ${status}, printed '${got}', said '${said}'")
  endif()
endforeach()
