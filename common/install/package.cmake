# SPDX-License-Identifier: GPL-3.0-or-later
#
# cpack: build/package/semradio_VERSION_ARCHITECTURE.deb (./semradio package).
# What the programs link with dpkg-shlibdeps finds; what they load or call while they run is below.
set(SEMRADIO_MAINTAINER "semradio maintainers <semradio@packages.invalid>" CACHE STRING
    "the package's maintainer: NAME <ADDRESS>")

# The package that has libuhd, which is loaded when a USRP is asked for.
execute_process(COMMAND dpkg-query -S ${UHD_LIBRARY_PATH} OUTPUT_VARIABLE uhd_package ERROR_QUIET)
string(REGEX REPLACE "[:,].*" "" uhd_package "${uhd_package}")
string(STRIP "${uhd_package}" uhd_package)
set(recommends libjs-chart.js gnuplot-nox ${uhd_package})
list(JOIN recommends ", " recommends)

# The changelog's date is the last commit's: the same sources give the same package.
execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} log -1 --format=%cD
  OUTPUT_VARIABLE date ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} describe --always --abbrev=12 --exclude=*
  OUTPUT_VARIABLE revision ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT date)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  set(revision "sources without git")
endif()
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/changelog "semradio (${PROJECT_VERSION}) stable; urgency=medium

  * Made by cpack of ${revision}.

 -- ${SEMRADIO_MAINTAINER}  ${date}
")
execute_process(COMMAND gzip -9nf ${CMAKE_CURRENT_BINARY_DIR}/changelog)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz DESTINATION ${doc})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME semradio)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "${SEMRADIO_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "software-defined radio that sends images by neural codes")
set(CPACK_PACKAGE_DESCRIPTION "A transmit daemon turns images into points of a 64-QAM constellation with
a neural joint source-channel code, puts them on OFDM and sends them; a
receive daemon finds the frames, estimates the channel, equalises, and
gives soft symbols to a neural decoder. With emulated air, virtual USRPs,
campaigns, calibration and a live page.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION hamradio)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "${recommends}")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "uhd-host, dataset-fashion-mnist, bash-completion")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/postinst ${CMAKE_CURRENT_SOURCE_DIR}/debian/prerm
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
