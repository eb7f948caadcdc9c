#pragma once
/// Memory on a real directory, for this folder's tests: opened anew as often as asked, with what they look at most.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "strata/memory.h"

namespace strata {

inline Atom atom(std::string id, std::string text) {
  Atom made;
  made.id = std::move(id);
  made.text = std::move(text);
  return made;
}

inline Atom atom(std::string id, std::string text, std::vector<float> embedding) {
  Atom made = atom(std::move(id), std::move(text));
  made.embedding = std::move(embedding);
  return made;
}

class MemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = std::filesystem::temp_directory_path() / ("strata-memory-" + std::to_string(core::random_seed()));
    directory = (base_ / "db").string();
    std::filesystem::create_directories(base_);
    open();
  }
  void TearDown() override {
    memory.reset();
    db.reset();
    std::filesystem::remove_all(base_);
  }

  void open(const MemoryOptions& options = {}) {
    memory.reset();
    db.reset();
    auto opened = Engine::open(directory);
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
    auto made = Memory::open(*db, options);
    ASSERT_TRUE(made) << made.error().to_string();
    memory = *std::move(made);
  }

  std::string remember(const Atom& given) {
    auto id = memory->remember(given);
    EXPECT_TRUE(id) << id.error().to_string();
    return id ? *id : std::string();
  }
  /// The code of an error; its message goes to `message`.
  template <typename T>
  ErrorCode code_of(const Result<T>& result) {
    message = result ? "no error" : result.error().message();
    return result ? ErrorCode::internal : result.error().code();
  }
  std::vector<std::string> summaries() {
    std::vector<std::string> lines;
    auto all = db->summarize();
    EXPECT_TRUE(all) << all.error().to_string();
    if (!all) return lines;
    for (const StoreSummary& summary : *all) {
      lines.push_back(std::string(name(summary.store)) + " " + std::to_string(summary.items) + " " + summary.hash);
    }
    return lines;
  }
  /// Refused with this code, naming that value, and nothing of it stayed.
  void refuses(const Atom& given, ErrorCode code, const std::string& named) {
    const auto before = summaries();
    const auto refused = memory->remember(given);
    EXPECT_EQ(code_of(refused), code) << message;
    EXPECT_THAT(message, testing::HasSubstr(named));
    EXPECT_EQ(summaries(), before) << "a refused memory left something behind: " << message;
  }
  std::vector<std::string> recall(const RecallOptions& options) {
    std::vector<std::string> ids;
    auto hits = memory->recall(options);
    EXPECT_TRUE(hits) << hits.error().to_string();
    if (hits) {
      for (const Recalled& hit : *hits) ids.push_back(hit.id);
    }
    return ids;
  }
  std::vector<std::string> recall_text(const std::string& text) {
    RecallOptions options;
    options.text = text;
    return recall(options);
  }
  void agrees(std::uint64_t atoms) {
    const auto report = memory->check_agreement();
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_EQ(report->atoms, atoms);
    for (const Disagreement& found : report->disagreements) {
      ADD_FAILURE() << found.id << " " << found.store << ": " << found.what;
    }
  }
  std::uint64_t metric_rows(const std::string& id) {
    const auto rows = db->analytics().query("select count(*) from memory_metrics where id = ?", {Value(id)});
    EXPECT_TRUE(rows) << rows.error().to_string();
    return rows ? static_cast<std::uint64_t>(*rows->rows[0][0].integer()) : 0;
  }
  std::uint64_t tag_rows(const std::string& id) {
    const auto rows = db->metadata().query("select count(*) from tags where atom_id = ?", {Value(id)});
    EXPECT_TRUE(rows) << rows.error().to_string();
    return rows ? static_cast<std::uint64_t>(*rows->rows[0][0].integer()) : 0;
  }

  std::string directory, message;
  std::unique_ptr<Engine> db;
  std::unique_ptr<Memory> memory;

 private:
  std::filesystem::path base_;
};

}  // namespace strata
