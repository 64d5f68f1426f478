# Bounded, seeded runs of the libFuzzer targets in an ordinary ctest run: the same inputs every time.
set(fuzz_build ${CMAKE_BINARY_DIR}/fuzz)
add_test(
  NAME fuzz.build
  COMMAND sh -c "${CMAKE_COMMAND} --preset fuzz -S ${CMAKE_SOURCE_DIR} -B ${fuzz_build} >/dev/null && ${CMAKE_COMMAND} --build ${fuzz_build}"
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(fuzz.build PROPERTIES LABELS fuzz FIXTURES_SETUP fuzz_build TIMEOUT 600)

# tinyrig_fuzz_run(name RUNS n MAX_LEN n): seeds from tests/fuzz/seeds/<name> when there are any.
function(tinyrig_fuzz_run name)
  cmake_parse_arguments(ARG "" "RUNS;MAX_LEN" "" ${ARGN})
  set(seeds)
  if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/fuzz/seeds/${name})
    set(seeds ${CMAKE_SOURCE_DIR}/tests/fuzz/seeds/${name})
  endif()
  set(corpus ${fuzz_build}/corpus/${name})
  # A fresh corpus folder: new finds never reach the source tree and never change the next run.
  add_test(
    NAME fuzz.${name}
    COMMAND sh -c "rm -rf ${corpus} && mkdir -p ${corpus} && ${fuzz_build}/bin/fuzz_${name} -seed=1 -runs=${ARG_RUNS} -max_len=${ARG_MAX_LEN} -timeout=10 -rss_limit_mb=2048 -artifact_prefix=${fuzz_build}/crash-${name}- ${corpus} ${seeds}")
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz FIXTURES_REQUIRED fuzz_build TIMEOUT 300)
endfunction()

tinyrig_fuzz_run(frame_decoder RUNS 300000 MAX_LEN 4096)
include(${CMAKE_CURRENT_LIST_DIR}/model_runs.cmake OPTIONAL)
