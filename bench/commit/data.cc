#include "commit/data.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

namespace strata::bench {
namespace {

constexpr std::size_t kVocabulary = 20'000;
constexpr std::size_t kCentres = 64;

float centred(core::Random& random) { return static_cast<float>(random.real() + random.real() + random.real() - 1.5); }

void normalize(std::vector<float>& vector) {
  double sum = 0;
  for (const float value : vector) sum += static_cast<double>(value) * value;
  const auto scale = static_cast<float>(1 / std::sqrt(sum));
  for (float& value : vector) value *= scale;
}

std::string make_word(core::Random& random) {
  static const char* const kOnsets[] = {"b", "br", "c",  "ch", "d", "dr", "f",  "g",  "gr", "h",  "j", "k", "l", "m",
                                        "n", "p",  "pl", "qu", "r", "s",  "sh", "st", "t",  "tr", "v", "w", "z", "th"};
  static const char* const kVowels[] = {"a", "e", "i", "o", "u", "ea", "ou", "ai"};
  static const char* const kCodas[] = {"", "", "n", "r", "s", "t", "l", "nd", "ck", "m"};
  std::string word;
  for (std::uint64_t syllables = 1 + random.below(3) + random.below(2); syllables > 0; --syllables) {
    word += kOnsets[random.below(std::size(kOnsets))];
    word += kVowels[random.below(std::size(kVowels))];
    word += kCodas[random.below(std::size(kCodas))];
  }
  return word;
}

}  // namespace

Data::Data(std::uint64_t seed) : seed_(seed) {
  core::Random random(seed);
  vocabulary_ = {"the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "was", "on", "with", "build"};
  while (vocabulary_.size() < kVocabulary) vocabulary_.push_back(make_word(random));
  centres_.resize(kCentres, std::vector<float>(kDimension));
  for (auto& centre : centres_) {
    for (float& value : centre) value = centred(random);
  }
}

/// Word frequencies fall as in language: the rank is drawn log-uniformly (Zipf's law).
const std::string& Data::word(core::Random& random) const {
  const double rank = std::exp(random.real() * std::log(static_cast<double>(kVocabulary)));
  return vocabulary_[std::min(kVocabulary - 1, static_cast<std::size_t>(rank) - 1)];
}

std::string Data::words(core::Random& random, std::size_t bytes) const {
  std::string text;
  text.reserve(bytes + 16);
  for (std::size_t in_sentence = 0; text.size() < bytes;) {
    text += word(random);
    const bool ends = ++in_sentence > 6 && random.below(8) == 0;
    text += ends ? ". " : " ";
    if (ends) in_sentence = 0;
  }
  return text;
}

std::string Data::id(std::size_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "memory-%07zu", number);
  return text;
}

std::string Data::kind(std::size_t number) {
  static const char* const kNames[kKinds] = {"decision", "question", "answer", "event", "plan"};
  return kNames[number % kKinds];
}

Atom Data::atom(std::size_t number) const {
  core::Random random(seed_ ^ (0x9e3779b97f4a7c15ULL * (number + 1)));
  Atom atom;
  atom.id = id(number);
  atom.text = words(random, 1024 + random.below(3072));
  atom.source = "bench";
  atom.metadata = {{"kind", kind(number)}, {"importance", random.below(100)}};
  atom.tags = {{"project", "p" + std::to_string(random.below(50)), 1.0},
               {"person", "u" + std::to_string(random.below(200)), 0.5},
               {"topic", vocabulary_[random.below(1000)], 0.25}};
  if (number > 0)
    atom.links.push_back({"follows", id(number - 1 - random.below(std::min<std::size_t>(number, 20))), {}});
  if (number > 1) atom.links.push_back({"about", id(random.below(number)), {}});
  atom.embedding = centres_[random.below(kCentres)];
  for (float& value : atom.embedding) value += centred(random);
  normalize(atom.embedding);
  atom.activation.resize(kActivation);
  for (float& value : atom.activation) value = centred(random);
  return atom;
}

std::vector<Atom> Data::atoms(std::size_t begin, std::size_t end) const {
  std::vector<Atom> atoms;
  atoms.reserve(end - begin);
  for (std::size_t i = begin; i < end; ++i) atoms.push_back(atom(i));
  return atoms;
}

std::string Data::question(std::size_t number) const {
  core::Random random(seed_ + 77 + number);
  return vocabulary_[20 + random.below(100)] + " " + vocabulary_[200 + random.below(1000)] + " " +
         vocabulary_[2000 + random.below(15'000)];
}

Result<void> Data::write(const std::string& path, std::size_t count) const {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
  if (!file) return Error(ErrorCode::io, "cannot write " + path);
  bool written = true;
  const auto put = [&](const void* bytes, std::size_t size) {
    written = written && std::fwrite(bytes, 1, size, file.get()) == size;
  };
  const std::string header =
      to_json(Map{{"count", count}, {"dimension", kDimension}, {"activation", kActivation}}) + "\n";
  put(header.data(), header.size());
  for (std::size_t i = 0; i < count; ++i) {
    const Atom memory = atom(i);
    put(memory.embedding.data(), memory.embedding.size() * sizeof(float));
    put(memory.activation.data(), memory.activation.size() * sizeof(float));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Atom memory = atom(i);
    Value::List tags, links;
    for (const MemoryTag& tag : memory.tags) tags.emplace_back(Value::List{tag.key, tag.value, tag.weight});
    for (const MemoryLink& link : memory.links) links.emplace_back(Value::List{link.type, link.target});
    const std::string line = to_json(Map{{"id", memory.id},
                                         {"text", memory.text},
                                         {"metadata", memory.metadata},
                                         {"tags", std::move(tags)},
                                         {"links", std::move(links)},
                                         {"question", question(i)}}) +
                             "\n";
    put(line.data(), line.size());
  }
  if (!written) return Error(ErrorCode::io, "cannot write " + path);
  return {};
}

}  // namespace strata::bench
