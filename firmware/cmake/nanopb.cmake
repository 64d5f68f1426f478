# The control messages for nanopb, and nanopb's own sources, which deploy/bootstrap fetched from
# Debian. Sets TINYRIG_NANOPB_DIR, and defines tinyrig_nanopb(target root): a static library whose
# users include "proto/device/device.nanopb.h". Used by the cross build and by the host's tests.
if(DEFINED ENV{TINYRIG_CACHE})
  set(TINYRIG_NANOPB_DIR $ENV{TINYRIG_CACHE}/nanopb)
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(TINYRIG_NANOPB_DIR $ENV{XDG_CACHE_HOME}/tinyrig/nanopb)
else()
  set(TINYRIG_NANOPB_DIR $ENV{HOME}/.cache/tinyrig/nanopb)
endif()
if(NOT EXISTS ${TINYRIG_NANOPB_DIR}/pb_decode.c)
  message(FATAL_ERROR "nanopb's sources are not in ${TINYRIG_NANOPB_DIR}: run deploy/bootstrap")
endif()
find_program(NANOPB_GENERATOR NAMES nanopb_generator nanopb_generator.py REQUIRED)

function(tinyrig_nanopb target root)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/nanopb)
  set(stem ${out}/proto/device/device.nanopb)
  add_custom_command(
    OUTPUT ${stem}.c ${stem}.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
    COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1 ${NANOPB_GENERATOR} --quiet
            --strip-path --extension=.nanopb --proto-path=${root} --output-dir=${out}
            proto/device/device.proto
    DEPENDS ${root}/proto/device/device.proto ${root}/proto/device/device.options
    WORKING_DIRECTORY ${root}
    VERBATIM)
  add_library(${target} STATIC ${stem}.c ${stem}.h ${TINYRIG_NANOPB_DIR}/pb_common.c
                               ${TINYRIG_NANOPB_DIR}/pb_decode.c ${TINYRIG_NANOPB_DIR}/pb_encode.c)
  target_include_directories(${target} SYSTEM PUBLIC ${TINYRIG_NANOPB_DIR} ${out})
  target_compile_definitions(${target} PUBLIC PB_NO_ERRMSG=1 PB_BUFFER_ONLY=1 PB_VALIDATE_UTF8=0)
endfunction()
