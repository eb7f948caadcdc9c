#include "store/array/dataset.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"
#include "store/array/layout.h"

namespace strata::store::array {

Dataset::Dataset(std::uint64_t id, std::string name, const DatasetOptions& options, Lsn created)
    : id_(id), name_(std::move(name)), options_(options), row_bytes_(row_bytes(options)), created_(created) {}

// ---- effects ---------------------------------------------------------------------------------------------------------

void Dataset::append(Lsn lsn, std::uint64_t rows, std::string_view key, ByteView data) {
  const core::WriterLock lock(mutex_);
  if (!growing_ || !growing_->has_room_for(data.size())) {
    growing_ = std::make_shared<MemorySegment>(row_bytes_);
    segments_.push_back(growing_);
  }
  growing_->append(lsn, rows, key, data);
  rows_ += rows;
}

void Dataset::adopt(std::shared_ptr<Part> part) {
  const core::WriterLock lock(mutex_);
  rows_ += part->rows();
  segments_.push_back(std::move(part));
  growing_.reset();
}

void Dataset::clear(Lsn lsn, std::uint64_t begin, std::uint64_t end) {
  const core::WriterLock lock(mutex_);
  end = std::min(end, rows_);  // D2
  if (begin < end) add_clear({lsn, begin, end});
}

void Dataset::add_clear(const Clear& clear) {
  clears_.emplace(clear.begin, clear);
  clear_rows_max_ = std::max(clear_rows_max_, clear.end - clear.begin);
}

void Dataset::set_attribute(Lsn lsn, std::string_view name, Value value) {
  const core::WriterLock lock(mutex_);
  attributes_.push_back({lsn, std::string(name), std::move(value)});
}

std::uint64_t Dataset::rows_now() const {
  const core::ReaderLock lock(mutex_);
  return rows_;
}

// ---- as a view sees it -------------------------------------------------------------------------------------------------

std::vector<Dataset::Slice> Dataset::slices() const {
  std::vector<Slice> slices;
  slices.reserve(segments_.size());
  std::uint64_t base = 0;
  for (const auto& segment : segments_) {
    const std::uint64_t rows = segment->rows();
    slices.push_back({segment, base, rows});
    base += rows;
  }
  return slices;
}

Result<std::uint64_t> Dataset::rows_at(Lsn view) const {
  std::shared_ptr<Segment> straddling;
  std::uint64_t base = 0;
  {
    const core::ReaderLock lock(mutex_);
    base = rows_;
    for (auto at = segments_.rbegin(); at != segments_.rend(); ++at) {
      Segment& segment = **at;
      if (segment.last_lsn() <= view) break;
      base -= segment.rows();
      if (segment.first_lsn() > view) continue;
      if (segment.in_memory()) return base + STRATA_TRY(segment.rows_at(view));
      straddling = *at;
      break;
    }
  }
  if (straddling) base += STRATA_TRY(straddling->rows_at(view));  // may map its index: not under the lock
  return base;
}

std::vector<Clear> Dataset::clears_over(Lsn view, std::uint64_t begin, std::uint64_t end) const {
  std::vector<Clear> found;
  const std::uint64_t from = begin > clear_rows_max_ ? begin - clear_rows_max_ : 0;
  for (auto at = clears_.lower_bound(from); at != clears_.end() && at->first < end; ++at) {
    if (at->second.lsn <= view && at->second.end > begin) found.push_back(at->second);
  }
  return found;
}

Result<void> Dataset::read(Lsn view, std::uint64_t begin, std::uint64_t end, std::span<std::byte> out) const {
  STRATA_DEBUG_ASSERT(out.size() == (end - begin) * row_bytes_);
  if (begin == end) return {};
  std::vector<Slice> slices;
  std::vector<Clear> clears;
  {
    const core::ReaderLock lock(mutex_);
    slices = this->slices();
    clears = clears_over(view, begin, end);
  }
  const auto bytes_at = [&](std::uint64_t row) { return static_cast<std::size_t>((row - begin) * row_bytes_); };
  for (const Slice& slice : slices) {
    const std::uint64_t first = std::max(begin, slice.base);
    const std::uint64_t last = std::min(end, slice.base + slice.rows);
    if (first >= last) continue;
    const auto piece = out.subspan(bytes_at(first), (last - first) * row_bytes_);
    STRATA_TRY(slice.segment->read(first - slice.base, last - first, piece));
  }
  for (const Clear& clear : clears) {
    const std::uint64_t first = std::max(begin, clear.begin);
    const std::uint64_t last = std::min(end, clear.end);
    std::memset(out.data() + bytes_at(first), 0, (last - first) * row_bytes_);
  }
  return {};
}

Result<std::vector<RowRange>> Dataset::find(Lsn view, std::string_view key) const {
  std::vector<RowRange> ranges;
  const auto add = [&](std::uint64_t base, const std::vector<Append>& appends) {
    for (const Append& append : appends) ranges.push_back({base + append.begin, base + append.end});
  };
  std::vector<Slice> slices;
  std::vector<Append> grown;
  {
    const core::ReaderLock lock(mutex_);
    slices = this->slices();
    if (growing_) {
      grown = growing_->appends().find(key, view);
      slices.pop_back();
    }
  }
  std::uint64_t end = 0;
  for (const Slice& slice : slices) {
    if (slice.segment->first_lsn() > view) return ranges;
    add(slice.base, STRATA_TRY(slice.segment->find(key, view)));
    end = slice.base + slice.rows;
  }
  add(end, grown);
  return ranges;
}

Map Dataset::attributes_at(Lsn view) const {
  const core::ReaderLock lock(mutex_);
  Map attributes;
  for (const AttributeVersion& version : attributes_) {  // in LSN order: the later one wins
    if (version.lsn > view) break;
    if (version.value.is_null()) {
      attributes.erase(version.name);
    } else {
      attributes.set(version.name, version.value);
    }
  }
  return attributes;
}

Result<void> Dataset::visit_appends(Lsn view, const Segment::AppendVisitor& visit) const {
  std::vector<Slice> slices;
  {
    const core::ReaderLock lock(mutex_);
    slices = this->slices();
    if (growing_) {
      STRATA_TRY(growing_->visit_appends([&](const Append& append, const KeyDigest* key) {
        const std::uint64_t base = slices.back().base;
        if (append.lsn <= view) visit({append.lsn, base + append.begin, base + append.end}, key);
      }));
      slices.pop_back();
    }
  }
  for (const Slice& slice : slices) {
    if (slice.segment->first_lsn() > view) break;
    STRATA_TRY(slice.segment->visit_appends([&](const Append& append, const KeyDigest* key) {
      if (append.lsn <= view) visit({append.lsn, slice.base + append.begin, slice.base + append.end}, key);
    }));
  }
  return {};
}

std::uint64_t Dataset::parts() const {
  const core::ReaderLock lock(mutex_);
  return static_cast<std::uint64_t>(
      std::count_if(segments_.begin(), segments_.end(), [](const auto& segment) { return !segment->in_memory(); }));
}

// ---- checkpoints ---------------------------------------------------------------------------------------------------------

void Dataset::seal() {
  const core::WriterLock lock(mutex_);
  growing_.reset();
}

std::vector<std::shared_ptr<Segment>> Dataset::segments() const {
  const core::ReaderLock lock(mutex_);
  return segments_;
}

std::vector<Clear> Dataset::clears() const {
  const core::ReaderLock lock(mutex_);
  std::vector<Clear> all;
  for (const auto& [begin, clear] : clears_) all.push_back(clear);
  return all;
}

std::vector<AttributeVersion> Dataset::attribute_versions() const {
  const core::ReaderLock lock(mutex_);
  return attributes_;
}

void Dataset::replace(const SegmentReplacement& replacement) {
  std::vector<std::shared_ptr<Segment>> old;  // let go after the lock: the last holder of a part removes its file
  const core::WriterLock lock(mutex_);
  STRATA_ASSERT(replacement.replaced <= segments_.size());
  const auto prefix_end = segments_.begin() + static_cast<std::ptrdiff_t>(replacement.replaced);
  old = segments_;
  std::vector<std::shared_ptr<Segment>> all = replacement.segments;
  all.insert(all.end(), prefix_end, segments_.end());
  segments_ = std::move(all);
  for (const Clear& zeroed : replacement.zeroed) {
    const auto [first, last] = clears_.equal_range(zeroed.begin);
    const auto at = std::find_if(first, last, [&](const auto& entry) { return entry.second == zeroed; });
    if (at != last) clears_.erase(at);
  }
  if (clears_.empty()) clear_rows_max_ = 0;
  attributes_ = without_hidden(attributes_, replacement.horizon);
}

std::vector<AttributeVersion> without_hidden(const std::vector<AttributeVersion>& versions, Lsn horizon) {
  std::map<std::string_view, std::size_t> last;  // of those ≤ horizon, by name
  for (std::size_t i = 0; i < versions.size() && versions[i].lsn <= horizon; ++i) last[versions[i].name] = i;
  std::vector<AttributeVersion> kept;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const AttributeVersion& version = versions[i];
    if (version.lsn > horizon || (last[version.name] == i && !version.value.is_null())) kept.push_back(version);
  }
  return kept;
}

void Dataset::restore(std::vector<std::shared_ptr<Segment>> segments, const std::vector<Clear>& clears,
                      std::vector<AttributeVersion> attributes, Lsn dropped) {
  const core::WriterLock lock(mutex_);
  segments_ = std::move(segments);
  rows_ = 0;
  for (const auto& segment : segments_) rows_ += segment->rows();
  for (const Clear& clear : clears) add_clear(clear);
  attributes_ = std::move(attributes);
  drop(dropped);
}

std::size_t Dataset::bytes_in_memory() const {
  const core::ReaderLock lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& segment : segments_) {
    if (segment->in_memory()) bytes += static_cast<const MemorySegment&>(*segment).bytes_in_memory();
  }
  return bytes;
}

}  // namespace strata::store::array
