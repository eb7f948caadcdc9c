#include "store/vector/index_file.h"

namespace strata::store::vector {

Error IndexFile::corrupt(std::string_view why) const {
  return Error(ErrorCode::corruption, what_ + ": " + std::string(why) + ": " + file_.name);
}

Result<PagedDirectory> IndexFile::open_directory(std::string_view trailer) {
  const auto directory = STRATA_TRY(read_paged_directory(mapping_->bytes(), trailer, what_, file_.name));
  root_ = directory.root;
  return directory;
}

Result<void> IndexFile::check_subject(const IndexSubject& said, const IndexSubject& subject) const {
  if (said.root != subject.root || said.rows != subject.rows || said.shape.dimension != subject.shape.dimension) {
    return corrupt("of another segment");
  }
  return {};
}

Result<void> IndexFile::check_places(std::span<const Place> places, std::uint64_t data_end) const {
  for (const Place& place : places) {
    if (place.offset % 64 != 0 || place.offset < kHeadBytes || place.offset > data_end ||
        place.bytes > data_end - place.offset) {
      return corrupt("a block that lies outside of it");
    }
  }
  return {};
}

Result<void> IndexFile::take_pages(const PagedDirectory& directory, std::size_t fields) {
  const auto pages = Pages::of(mapping_->bytes(), directory.data_end, directory.bytes.subspan(fields));
  if (!pages) return corrupt("not one hash for each page");
  pages_ = *pages;
  return {};
}

bool IndexFile::sound() const {
  State state = state_.load(std::memory_order_acquire);
  if (state == State::unknown) {
    const core::MutexLock lock(check_mutex_);
    state = state_.load(std::memory_order_relaxed);
    if (state == State::unknown) {
      state = State::good;
      for (std::uint64_t page = 0; page < pages_.count(); ++page) {
        if (!pages_.intact(page)) state = State::damaged;
      }
      if (state == State::good && !holds_together()) state = State::damaged;
      state_.store(state, std::memory_order_release);
    }
  }
  return state == State::good;
}

std::vector<transaction::Damage> IndexFile::verify() const {
  std::vector<transaction::Damage> found;
  for (std::uint64_t page = 0; page < pages_.count(); ++page) {
    if (pages_.intact(page)) continue;
    found.push_back({file_.name, page * kPageBytes, "damaged page of a derived file (" + what_ + ")", true});
    state_.store(State::damaged, std::memory_order_release);
  }
  return found;
}

}  // namespace strata::store::vector
