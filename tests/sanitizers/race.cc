// A race of ours, on purpose: two threads that ask DuckDB write one string. The thread sanitizer must say so: what it is told
// to leave unobserved of DuckDB and libstdc++.so takes none of our code with it.
#include <cstdio>
#include <string>
#include <thread>

#include "store/analytics/duckdb_session.h"

namespace strata::store::analytics {
namespace {

Result<void> race() {
  const auto database = STRATA_TRY(DuckDatabase::open("", {}));
  std::string shared;
  const auto ask_and_write = [&](char letter) -> Result<void> {
    const auto connection = STRATA_TRY(database->connect());
    auto statement = STRATA_TRY(connection->prepare_reading("select count(*) from range(1000)"));
    STRATA_TRY(statement.rows(1));
    shared.assign(100, letter);
    return {};
  };
  Result<void> other;
  std::thread thread([&] { other = ask_and_write('a'); });
  Result<void> here = ask_and_write('b');
  thread.join();
  return here ? std::move(other) : std::move(here);
}

}  // namespace
}  // namespace strata::store::analytics

int main() {
  const auto done = strata::store::analytics::race();
  if (!done) std::printf("%s\n", done.error().to_string().c_str());
  return done ? 0 : 1;
}
