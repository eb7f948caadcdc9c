# What users of the library get: libstrata.so, the public headers, find_package(strata) and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# One shared library out of all folders. The static libraries are linked whole, since nobody else names their symbols.
add_library(strata_library SHARED ${PROJECT_SOURCE_DIR}/cmake/library.cc)
set_target_properties(strata_library PROPERTIES OUTPUT_NAME strata EXPORT_NAME strata VERSION ${PROJECT_VERSION}
                      SOVERSION 0)
target_include_directories(strata_library INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(strata_library INTERFACE cxx_std_20)
get_property(modules GLOBAL PROPERTY STRATA_MODULES)
foreach(module IN LISTS modules)
  get_target_property(type strata_${module} TYPE)
  if(type STREQUAL "STATIC_LIBRARY" AND NOT module MATCHES "^(testing|cli)$")
    target_link_libraries(strata_library PRIVATE -Wl,--whole-archive $<TARGET_FILE:strata_${module}> -Wl,--no-whole-archive
                          $<LINK_ONLY:strata_${module}>)
    add_dependencies(strata_library strata_${module})
  endif()
endforeach()

install(TARGETS strata_library EXPORT strata LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/strata DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT strata NAMESPACE strata:: FILE strataTargets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/strata)
file(WRITE ${PROJECT_BINARY_DIR}/strataConfig.cmake "include(\"\${CMAKE_CURRENT_LIST_DIR}/strataTargets.cmake\")\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/strataConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/strataConfig.cmake ${PROJECT_BINARY_DIR}/strataConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/strata)
configure_file(${PROJECT_SOURCE_DIR}/cmake/strata.pc.in ${PROJECT_BINARY_DIR}/strata.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/strata.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET strata)
  install(TARGETS strata RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(NOT DUCKDB_LIBRARY MATCHES "^/usr")
  install(FILES ${DUCKDB_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
