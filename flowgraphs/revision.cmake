# SPDX-License-Identifier: GPL-3.0-or-later
# cmake -DSOURCE=… -DOUTPUT=…/revision.h -P revision.cmake
# Writes the git revision ("a1b2c3d4e5f6", "+" when files were changed) into a
# header, and touches it only when it is another one.
execute_process(COMMAND git describe --always --abbrev=12 --dirty=+ --exclude=*
  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE revision ERROR_QUIET
  OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT revision)
  set(revision "no git")
endif()
set(text "#define SEMRADIO_REVISION \"${revision}\"\n")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT text STREQUAL "${old}")
  file(WRITE ${OUTPUT} "${text}")
endif()
