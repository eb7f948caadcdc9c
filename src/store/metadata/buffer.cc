#include "store/metadata/buffer.h"

#include "store/metadata/metadata_store.h"

namespace strata::store::metadata {

transaction::KeyHash key_hash(const Table& table, std::string_view key) { return core::xxh3_64(key, table.hash); }

transaction::KeyHash table_predicate(std::string_view table) {
  constexpr std::uint64_t kSeed = 0x7461626c'65730002;
  return core::xxh3_64(lower(table), kSeed);
}

ImageSet& MetadataBuffer::rows() {
  if (steps_.empty() || steps_.back().kind != Step::Kind::rows || std::exchange(sealed_, false)) {
    steps_.push_back({Step::Kind::rows, {}, 0, std::make_unique<ImageSet>()});
  }
  ++revision_;
  return *steps_.back().images;
}

const Image* MetadataBuffer::find(std::string_view table, std::string_view key) {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (step->kind != Step::Kind::rows) continue;
    TableImages* images = step->images->find(table);
    if (images == nullptr) continue;
    if (const Image* image = images->find(key)) return image;
  }
  return nullptr;
}

void MetadataBuffer::put(const Table& table, std::string_view key, std::string_view rest, bool marked) {
  rows().put(table.name, key, rest, marked);
}

void MetadataBuffer::remove(const Table& table, std::string_view key) { rows().remove(table.name, key); }

void MetadataBuffer::define(std::string_view sql, std::shared_ptr<const Catalog> catalog) {
  steps_.push_back({Step::Kind::ddl, std::string(sql), 0, nullptr});
  own_catalog_ = std::move(catalog);
  ++revision_;
}

Result<void> MetadataBuffer::depend_on_schema(transaction::Context& context) {
  if (depends_on_schema_) return {};
  STRATA_TRY(context.intend(StoreKind::metadata, kSchemaKey));
  context.note_dependency(StoreKind::metadata, kSchemaKey);
  depends_on_schema_ = true;
  return {};
}

Result<void> MetadataBuffer::prepare(transaction::Context&) {
  STRATA_TRY(store_.check_healthy());
  Bytes section;
  core::Encoder out(section);
  encode_steps(steps_, out);
  section_ = std::make_shared<const Bytes>(std::move(section));
  return {};
}

Result<void> MetadataBuffer::validate(transaction::Context& context) {
  return store_.validate(*this, context.view_lsn());
}

void MetadataBuffer::encode(core::Encoder& out) const {
  if (section_) {
    out.raw(section_->data(), section_->size());
  } else {
    encode_steps(steps_, out);
  }
}

void MetadataBuffer::aborted() {
  if (section_) store_.forget_pending(section_);
}

Result<void> MetadataBuffer::affects(transaction::Context&, std::vector<std::uint64_t>& predicates) const {
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::rows) continue;
    for (const TableImages& images : step.images->tables) predicates.push_back(table_predicate(images.table));
  }
  predicates.push_back(kAnyTablePredicate);
  return {};
}

std::unique_ptr<MetadataBuffer::Saved> MetadataBuffer::save() {
  sealed_ = true;  // what comes now is a step of its own, to be cut off
  return std::make_unique<transaction::SavedCopy<Content>>(Content{steps_.size(), own_catalog_, depends_on_schema_});
}

void MetadataBuffer::restore(const Saved& saved) {
  const Content& before = transaction::SavedCopy<Content>::of(saved);
  steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(before.steps), steps_.end());
  own_catalog_ = before.own_catalog;
  depends_on_schema_ = before.depends_on_schema;
  sealed_ = true;
  ++revision_;  // the writer, if it stands here, has to go back, too
}

std::string MetadataBuffer::describe(std::uint64_t key) const {
  if (key == kSchemaKey) return "the schema";
  const auto catalog = store_.catalog(this);
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::rows) continue;
    for (const TableImages& images : step.images->tables) {
      const Table* table = catalog->find(images.table);
      if (table == nullptr) continue;
      for (const Image& row : images.rows) {
        if (key_hash(*table, row.key) == key) return describe_key(*table, row.key);
      }
    }
  }
  return "a row that was read";
}

}  // namespace strata::store::metadata
