# unity: compiles several sources of a floor together, so that the headers that all of them include
# are read once. It takes a third of the processor time of a full build.
#
# Sources say what they include all the same: -DRAFTBUS_UNITY=OFF shows whether they do. Names in
# anonymous namespaces of one floor should differ; where they do not, one of the sources is alone.
option(RAFTBUS_UNITY "compile several sources of a floor together" ON)
set(CMAKE_UNITY_BUILD ${RAFTBUS_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)

# raftbus_alone(source...): paths from the top of the tree. Compiled by themselves in any case.
function(raftbus_alone)
    foreach(source ${ARGN})
        get_filename_component(floor ${source} DIRECTORY)
        set_source_files_properties(${CMAKE_SOURCE_DIR}/${source} DIRECTORY ${CMAKE_SOURCE_DIR}/${floor}
            PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endforeach()
endfunction()
