# What a user of the library gets below the prefix, which can be moved as a whole:
#
#     bin/strata                   the command
#     lib/libstrata.so             all folders below src/cli in one library
#     lib/strata/libduckdb.so      when it is ours and not the system's; found beside libstrata.so by a relative path
#     include/strata/              the public contracts
#     lib/cmake/strata/            find_package(strata), target strata::strata
#     lib/pkgconfig/strata.pc
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Shared: whoever links it names one library, and the libraries of others stay its own business. The version says which
# programs it fits: before 1.0 a minor version may change the interface.
add_library(strata_library SHARED)
set_target_properties(strata_library PROPERTIES OUTPUT_NAME strata EXPORT_NAME strata VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_include_directories(strata_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(strata_library INTERFACE cxx_std_20)
get_property(modules GLOBAL PROPERTY STRATA_MODULES)
list(REMOVE_ITEM modules testing cli)
foreach(module IN LISTS modules)
  target_sources(strata_library PRIVATE $<TARGET_OBJECTS:strata_${module}>)
  get_property(links TARGET strata_${module} PROPERTY STRATA_LINKS)
  target_link_libraries(strata_library PRIVATE ${links})
endforeach()
set_target_properties(strata_library PROPERTIES LINKER_LANGUAGE CXX)
if(NOT STRATA_SANITIZE)  # a sanitizer's own functions are in the program
  target_link_options(strata_library PRIVATE -Wl,-z,defs)
endif()

set(private_libraries ${CMAKE_INSTALL_LIBDIR}/strata)
file(RELATIVE_PATH from_command ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/strata)
set_target_properties(strata_library PROPERTIES INSTALL_RPATH $ORIGIN/strata)
set_target_properties(strata PROPERTIES INSTALL_RPATH $ORIGIN/${from_command})

# Packaging the Python module takes the component python alone.
set(component COMPONENT strata)
set(packages ${CMAKE_INSTALL_LIBDIR}/cmake/strata)
install(TARGETS strata RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} ${component})
install(TARGETS strata_library EXPORT strata
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ${component} NAMELINK_COMPONENT strata)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/strata DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${component})
string(FIND ${DUCKDB_LIBRARY} ${PROJECT_SOURCE_DIR}/ duckdb_is_ours)
if(duckdb_is_ours EQUAL 0)
  install(FILES ${DUCKDB_LIBRARY} DESTINATION ${private_libraries} ${component})
endif()

install(EXPORT strata NAMESPACE strata:: FILE strata-targets.cmake DESTINATION ${packages} ${component})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/strata-config.cmake.in ${PROJECT_BINARY_DIR}/strata-config.cmake
                              INSTALL_DESTINATION ${packages} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/strata-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/strata-config.cmake ${PROJECT_BINARY_DIR}/strata-config-version.cmake
        DESTINATION ${packages} ${component})
file(RELATIVE_PATH from_pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/strata.pc.in ${PROJECT_BINARY_DIR}/strata.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/strata.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig ${component})
