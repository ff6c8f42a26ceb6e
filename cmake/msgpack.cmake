# Finds msgpack for C++, and nothing else: sets MSGPACK_TARGET. Debian's package for C may be installed
# beside it, and has a folder whose name is the beginning of the other one's; nothing here links with it.
set(MSGPACK_TARGET "")
# Debian 12 keeps the C++ package's msgpack-config.cmake in a folder msgpackc-cxx.
find_package(msgpack CONFIG QUIET
             NAMES msgpack-cxx msgpackc-cxx
             CONFIGS msgpack-cxx-config.cmake msgpackc-cxx-config.cmake msgpack-config.cmake)
foreach(target msgpack-cxx msgpackc-cxx)
    if(NOT MSGPACK_TARGET AND TARGET ${target})
        set(MSGPACK_TARGET ${target})
    endif()
endforeach()
if(NOT MSGPACK_TARGET)
    message(FATAL_ERROR "msgpack for C++ is not installed (a package for C alone does not do): "
                        "install libmsgpack-cxx-dev, see cmake/packages.txt")
endif()
