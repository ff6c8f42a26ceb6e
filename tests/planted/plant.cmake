# plant.cmake: makes a mutated copy of a source file.
#   cmake -DSOURCE=file -DREPLACE=file -DBY=file -DINTO=file -P plant.cmake
# REPLACE and BY hold texts. Fails unless the first stands in SOURCE exactly once.
file(READ ${SOURCE} source)
file(READ ${REPLACE} old)
file(READ ${BY} new)
string(LENGTH "${old}" length)
string(FIND "${source}" "${old}" first)
string(FIND "${source}" "${old}" last REVERSE)
if(length EQUAL 0 OR first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "${SOURCE} should hold exactly once what is to be replaced:\n${old}")
endif()
string(REPLACE "${old}" "${new}" mutated "${source}")
file(WRITE ${INTO} "${mutated}")
