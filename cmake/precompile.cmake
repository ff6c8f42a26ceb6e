# precompile: headers that most sources of a target include are read once for all of them. For the
# builds whose many small files are compiled without optimization: there they are most of the work.
#
# Sources say what they include all the same. A build for release has none of this and shows it for
# all but the tests; docs/hacking.md says how to look at those.
option(RAFTBUS_PCH "precompile the headers that most sources include" OFF)

if(RAFTBUS_PCH AND CCACHE)
    # ccache takes such builds only if it is told that macros and times in the headers do not matter.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
    add_compile_options(-fpch-preprocess)
endif()

function(raftbus_precompile target)
    if(RAFTBUS_PCH)
        list(TRANSFORM ARGN REPLACE "^([a-z]+/.*/?[a-z_]+\\.hpp)$" "${CMAKE_SOURCE_DIR}/\\1")
        target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
endfunction()
