# Everything we take from others, found here and nowhere else. Versions, hashes, licences and reasons:
# third_party/README.md. Nothing is downloaded by the build; `./dev setup` does that.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS json)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
find_package(CURL REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(LIBEDIT REQUIRED IMPORTED_TARGET libedit)
if(STRATA_BUILD_TESTS OR STRATA_BUILD_BENCHES)
  find_package(GTest REQUIRED)
endif()
if(STRATA_BUILD_BENCHES)
  find_package(benchmark REQUIRED)
endif()

# DuckDB: one library and one C header, fetched and checked by hash (third_party/duckdb), or the system's.
find_library(DUCKDB_LIBRARY duckdb HINTS ${PROJECT_SOURCE_DIR}/third_party/duckdb/install/lib REQUIRED)
find_path(DUCKDB_INCLUDE_DIR duckdb.h HINTS ${PROJECT_SOURCE_DIR}/third_party/duckdb/install/include REQUIRED)
add_library(DuckDB::DuckDB SHARED IMPORTED)
set_target_properties(DuckDB::DuckDB PROPERTIES IMPORTED_LOCATION ${DUCKDB_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${DUCKDB_INCLUDE_DIR} IMPORTED_NO_SONAME FALSE)
