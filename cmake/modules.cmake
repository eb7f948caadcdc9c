# add_module(name HEADERS … SOURCES … TESTS … BENCHES … USES … LINKS …)
#
# One static library per folder. `name` is the folder's path below src with / as _ (store/vector → store_vector).
#   USES   other modules, by name: what this folder may include
#   LINKS  libraries of others; a third-party name appears in one folder only
# TESTS become one executable, <name>_test, labelled by the module. BENCHES become <name>_bench.
function(add_module name)
  cmake_parse_arguments(M "" "" "HEADERS;SOURCES;TESTS;BENCHES;USES;LINKS" ${ARGN})
  set(target strata_${name})
  if(M_SOURCES)
    add_library(${target} STATIC ${M_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  if(M_HEADERS)
    target_sources(${target} ${scope} FILE_SET interface TYPE HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src
                                      FILES ${M_HEADERS})
  endif()
  foreach(use IN LISTS M_USES)
    target_link_libraries(${target} ${scope} strata_${use})
  endforeach()
  if(M_SOURCES)
    target_link_libraries(${target} PUBLIC ${M_LINKS} PRIVATE strata_warnings)
  else()
    target_link_libraries(${target} INTERFACE ${M_LINKS})
  endif()
  set_property(GLOBAL APPEND PROPERTY STRATA_MODULES ${name})
  set_property(TARGET ${target} PROPERTY STRATA_LINKS ${M_LINKS})

  if(M_TESTS AND STRATA_BUILD_TESTS)
    add_executable(${name}_test ${M_TESTS})
    target_link_libraries(${name}_test PRIVATE ${target} strata_testing strata_warnings GTest::gtest_main GTest::gmock)
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}/" DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS ${name} TIMEOUT 300)
  endif()
  if(M_BENCHES AND STRATA_BUILD_BENCHES)
    add_executable(${name}_bench ${M_BENCHES})
    target_link_libraries(${name}_bench PRIVATE ${target} strata_testing strata_warnings benchmark::benchmark_main)
  endif()
endfunction()
