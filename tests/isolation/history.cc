#include "isolation/history.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <tuple>

namespace strata::isolation {

std::string_view name(Phenomenon phenomenon) noexcept {
  static constexpr std::string_view kNames[] = {
      "invented", "duplicate", "internal",           "G1a",         "G1b",      "dirty update",  "commit order",
      "G0",       "G1c",       "incompatible order", "lost update", "G-single", "G-nonadjacent", "G2-item",
      "G2"};
  return kNames[static_cast<std::size_t>(phenomenon)];
}

bool forbidden(Phenomenon phenomenon, Isolation level) {
  if (phenomenon <= Phenomenon::g1c) return true;
  return level == Isolation::serializable || (level == Isolation::repeatable_read && phenomenon != Phenomenon::g2);
}

std::vector<Finding> violations_of(const std::vector<Finding>& findings, Isolation level) {
  std::vector<Finding> violations;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(violations),
               [&](const Finding& finding) { return forbidden(finding.phenomenon, level); });
  return violations;
}

namespace {

using Node = std::size_t;  // an attempt; beyond them the moments of real time

enum class Kind : std::uint8_t { ww, wr, rw, rw_predicate, process, real_time };
using Kinds = std::uint32_t;
constexpr Kinds only(Kind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr Kinds kWrites = only(Kind::ww), kDependencies = kWrites | only(Kind::wr), kItemRw = only(Kind::rw),
                kAnyRw = kItemRw | only(Kind::rw_predicate), kTime = only(Kind::process) | only(Kind::real_time);

struct Edge {
  Node to;
  Kind kind;
  const std::string* key;  // nullptr: of time
};

std::string show(const List& list) {
  std::string text = "[";
  for (const std::int64_t element : list) text += (text.size() > 1 ? " " : "") + std::to_string(element);
  return text + "]";
}

bool begins_with(const List& list, const List& beginning) {
  return beginning.size() <= list.size() && std::equal(beginning.begin(), beginning.end(), list.begin());
}

/// Components of the graph restricted to some kinds of edges; each node's component, and how large they are.
class Components {
 public:
  Components(const std::vector<std::vector<Edge>>& graph, Kinds kinds) : graph_(graph), kinds_(kinds) {
    index_.assign(graph.size(), 0);
    low_.assign(graph.size(), 0);
    component_.assign(graph.size(), 0);
    for (Node node = 0; node < graph.size(); ++node) {
      if (index_[node] == 0) visit(node);
    }
  }
  std::size_t of(Node node) const { return component_[node]; }
  std::size_t size_at(Node node) const { return sizes_[component_[node] - 1]; }

 private:
  /// Tarjan's algorithm with a stack of its own: histories are longer than call stacks.
  void visit(Node root) {
    std::vector<std::pair<Node, std::size_t>> calls{{root, 0}};
    while (!calls.empty()) {
      auto& [node, next] = calls.back();
      if (next == 0) {
        index_[node] = low_[node] = ++count_;
        stack_.push_back(node);
      }
      if (next < graph_[node].size()) {
        const Edge& edge = graph_[node][next++];
        if ((only(edge.kind) & kinds_) == 0) continue;
        if (index_[edge.to] == 0) {
          calls.emplace_back(edge.to, 0);
        } else if (component_[edge.to] == 0) {
          low_[node] = std::min(low_[node], index_[edge.to]);
        }
        continue;
      }
      const Node done = node;
      if (low_[done] == index_[done]) {
        std::size_t size = 0;
        Node member = 0;
        do {
          member = stack_.back();
          stack_.pop_back();
          component_[member] = sizes_.size() + 1;
          ++size;
        } while (member != done);
        sizes_.push_back(size);
      }
      calls.pop_back();
      if (!calls.empty()) low_[calls.back().first] = std::min(low_[calls.back().first], low_[done]);
    }
  }

  const std::vector<std::vector<Edge>>& graph_;
  const Kinds kinds_;
  std::size_t count_ = 0;
  std::vector<std::size_t> index_, low_, component_, sizes_;
  std::vector<Node> stack_;
};

class Checker {
 public:
  explicit Checker(const History& history) : history_(history) {}

  std::vector<Finding> check() {
    know_the_writers();
    observe();
    order_versions();
    check_versions();
    check_lost_updates();
    draw_dependencies();
    draw_time();
    find_cycles();
    return std::move(findings_);
  }

 private:
  struct Writer {
    Node attempt;
    bool last;  // of this key in this transaction
  };
  /// A list that a committed transaction saw before it appended to the key itself.
  struct Observation {
    Node attempt;
    const List* list;
    bool by_predicate;
  };
  struct Key {
    std::map<std::int64_t, Writer> writers;
    std::vector<Observation> observations;
    const List* longest = nullptr;
    Node longest_seen_by = 0;
  };

  void report(Phenomenon phenomenon, std::string text, bool real_time = false) {
    findings_.push_back({phenomenon, real_time, std::move(text)});
  }
  static std::string called(Node attempt) { return "T" + std::to_string(attempt); }

  void know_the_writers() {
    for (Node attempt = 0; attempt < history_.size(); ++attempt) {
      std::map<std::string, std::int64_t> last;
      for (const Operation& operation : history_[attempt].operations) {
        if (operation.kind == Operation::Kind::append) last[operation.key] = operation.element;
      }
      for (const Operation& operation : history_[attempt].operations) {
        if (operation.kind != Operation::Kind::append) continue;
        keys_[operation.key].writers[operation.element] = {attempt, last[operation.key] == operation.element};
      }
    }
  }

  // ---- what was seen ----

  void observe() {
    static const List kNothing;
    for (Node attempt = 0; attempt < history_.size(); ++attempt) {
      if (history_[attempt].outcome != Outcome::ok) continue;
      std::map<std::string, List> own;  // what this transaction appended so far, by key
      for (const Operation& operation : history_[attempt].operations) {
        if (operation.kind == Operation::Kind::append) {
          own[operation.key].push_back(operation.element);
        } else if (operation.kind == Operation::Kind::read) {
          see(attempt, operation.key, operation.list, operation.by_predicate, own[operation.key]);
        } else {
          for (auto at = keys_.lower_bound(operation.key + "/");
               at != keys_.end() && at->first.starts_with(operation.key + "/"); ++at) {
            const auto found = operation.members.find(at->first);
            see(attempt, at->first, found == operation.members.end() ? kNothing : found->second, true, own[at->first]);
          }
        }
      }
    }
  }

  void see(Node attempt, const std::string& name, const List& list, bool by_predicate, const List& own) {
    Key& key = keys_[name];
    std::set<std::int64_t> elements;
    for (const std::int64_t element : list) {
      if (!elements.insert(element).second) {
        report(Phenomenon::duplicate, called(attempt) + " read " + name + " " + show(list));
      }
      const auto writer = key.writers.find(element);
      if (writer == key.writers.end()) {
        report(Phenomenon::invented, called(attempt) + " read " + name + " " + show(list));
        return;
      }
      if (history_[writer->second.attempt].outcome == Outcome::failed) {
        report(Phenomenon::g1a, called(attempt) + " read " + name + " " + show(list) + ", and " +
                                    called(writer->second.attempt) + ", who appended " + std::to_string(element) +
                                    ", failed");
      }
    }
    if (!own.empty()) {
      // Its own elements come last; read committed may show other elements before them from one call to the next.
      if (list.size() < own.size() || !std::equal(own.begin(), own.end(), list.end() - static_cast<long>(own.size()))) {
        report(Phenomenon::internal,
               called(attempt) + " appended " + show(own) + " to " + name + " and then read " + show(list));
      }
      return;
    }
    key.observations.push_back({attempt, &list, by_predicate});
    if (!list.empty()) {
      const Writer& writer = key.writers.at(list.back());
      if (writer.attempt != attempt && !writer.last) {
        report(Phenomenon::g1b, called(attempt) + " read " + name + " " + show(list) + ", and " +
                                    called(writer.attempt) + " appended more before it committed");
      }
    }
  }

  // ---- versions ----

  void order_versions() {
    for (auto& [name, key] : keys_) {
      for (const Observation& seen : key.observations) {
        if (key.longest == nullptr || seen.list->size() > key.longest->size()) {
          key.longest = seen.list;
          key.longest_seen_by = seen.attempt;
        }
      }
    }
  }

  void check_versions() {
    for (auto& [name, key] : keys_) {
      if (key.longest == nullptr) continue;
      for (const Observation& seen : key.observations) {
        if (begins_with(*key.longest, *seen.list)) continue;
        report(Phenomenon::incompatible_order, name + " was " + show(*key.longest) + " for " +
                                                   called(key.longest_seen_by) + " and " + show(*seen.list) + " for " +
                                                   called(seen.attempt));
        break;
      }
      for (std::size_t i = 1; i < key.longest->size(); ++i) {
        const Attempt* before = writer(key, (*key.longest)[i - 1]);
        const Attempt* after = writer(key, (*key.longest)[i]);
        if (before == nullptr || after == nullptr || before == after) continue;
        if (before->outcome == Outcome::failed && after->outcome == Outcome::ok) {
          report(Phenomenon::dirty_update, name + " " + show(*key.longest) + ": " + std::to_string((*key.longest)[i]) +
                                               " was appended to what failed");
        }
        if (before->lsn != 0 && after->lsn != 0 && before->lsn > after->lsn) {
          report(Phenomenon::commit_order, name + " " + show(*key.longest) + ": lsn " + std::to_string(before->lsn) +
                                               " before lsn " + std::to_string(after->lsn));
        }
      }
    }
  }

  const Attempt* writer(const Key& key, std::int64_t element) const {
    const auto found = key.writers.find(element);
    return found == key.writers.end() ? nullptr : &history_[found->second.attempt];
  }

  void check_lost_updates() {
    for (const auto& [name, key] : keys_) {
      std::set<Node> writers;
      for (const auto& entry : key.writers) writers.insert(entry.second.attempt);
      std::map<List, Node> readers_who_wrote;
      for (const Observation& seen : key.observations) {
        if (!writers.contains(seen.attempt)) continue;
        const auto [other, first] = readers_who_wrote.emplace(*seen.list, seen.attempt);
        if (first || other->second == seen.attempt) continue;
        report(Phenomenon::lost_update, called(other->second) + " and " + called(seen.attempt) + " both read " + name +
                                            " " + show(*seen.list) + " and appended to it");
        break;
      }
      if (key.longest == nullptr) continue;
      for (const auto& [element, who] : key.writers) {
        const Attempt& attempt = history_[who.attempt];
        if (attempt.outcome != Outcome::ok || attempt.end >= history_[key.longest_seen_by].begin) continue;
        if (std::find(key.longest->begin(), key.longest->end(), element) != key.longest->end()) continue;
        report(Phenomenon::lost_update, called(who.attempt) + " appended " + std::to_string(element) + " to " + name +
                                            "; later it was " + show(*key.longest));
        break;
      }
    }
  }

  // ---- the graph ----

  void connect(Node from, Node to, Kind kind, const std::string* key) {
    if (from != to) graph_[from].push_back({to, kind, key});
  }

  void draw_dependencies() {
    graph_.resize(history_.size());
    for (const auto& [name, key] : keys_) {
      if (key.longest == nullptr) continue;
      const auto node = [&](std::int64_t element) -> std::optional<Node> {
        const auto found = key.writers.find(element);
        if (found == key.writers.end()) return {};
        if (history_[found->second.attempt].outcome == Outcome::failed) return {};
        return found->second.attempt;
      };
      for (std::size_t i = 1; i < key.longest->size(); ++i) {
        const auto before = node((*key.longest)[i - 1]), after = node((*key.longest)[i]);
        if (before && after) connect(*before, *after, Kind::ww, &name);
      }
      for (const Observation& seen : key.observations) {
        if (!seen.list->empty()) {
          if (const auto from = node(seen.list->back())) connect(*from, seen.attempt, Kind::wr, &name);
        }
        if (seen.list->size() == key.longest->size() || !begins_with(*key.longest, *seen.list)) continue;
        if (const auto next = node((*key.longest)[seen.list->size()])) {
          connect(seen.attempt, *next, seen.by_predicate ? Kind::rw_predicate : Kind::rw, &name);
        }
      }
    }
  }

  /// A chain of moments, one at each end: T → the moment it ended → … → the last moment before U began → U. That is every
  /// rt edge, in a number that grows with n.
  void draw_time() {
    std::vector<Node> by_end;
    std::map<std::uint64_t, std::vector<Node>> by_process;
    for (Node attempt = 0; attempt < history_.size(); ++attempt) {
      if (history_[attempt].outcome != Outcome::ok) continue;
      by_end.push_back(attempt);
      by_process[history_[attempt].process].push_back(attempt);
    }
    for (auto& [process, attempts] : by_process) {
      std::sort(attempts.begin(), attempts.end(),
                [this](Node a, Node b) { return history_[a].begin < history_[b].begin; });
      for (std::size_t i = 1; i < attempts.size(); ++i) connect(attempts[i - 1], attempts[i], Kind::process, nullptr);
    }
    std::sort(by_end.begin(), by_end.end(), [this](Node a, Node b) { return history_[a].end < history_[b].end; });
    const Node first_moment = graph_.size();
    graph_.resize(first_moment + by_end.size());
    std::vector<std::uint64_t> ends;
    for (std::size_t i = 0; i < by_end.size(); ++i) {
      ends.push_back(history_[by_end[i]].end);
      connect(by_end[i], first_moment + i, Kind::real_time, nullptr);
      if (i > 0) connect(first_moment + i - 1, first_moment + i, Kind::real_time, nullptr);
    }
    for (Node attempt = 0; attempt < history_.size(); ++attempt) {
      if (history_[attempt].outcome == Outcome::failed) continue;
      const auto before = std::lower_bound(ends.begin(), ends.end(), history_[attempt].begin) - ends.begin();
      if (before > 0) connect(first_moment + static_cast<Node>(before) - 1, attempt, Kind::real_time, nullptr);
    }
  }

  // ---- cycles ----

  struct CycleClass {
    Phenomenon phenomenon;
    Kinds through;     // the edge that makes it this class
    Kinds back;        // what the way back may use
    bool nonadjacent;  // no two rw in a row
  };

  /// Every edge is counted once, for the worst that it is part of; first without time, then with it.
  void find_cycles() {
    static constexpr CycleClass kClasses[] = {
        {Phenomenon::g0, kWrites, kWrites, false},
        {Phenomenon::g1c, only(Kind::wr), kDependencies, false},
        {Phenomenon::g_single, kAnyRw, kDependencies, false},
        {Phenomenon::g_nonadjacent, kAnyRw, kDependencies | kAnyRw, true},
        {Phenomenon::g2_item, kItemRw, kDependencies | kItemRw, false},
        {Phenomenon::g2, kAnyRw, kDependencies | kAnyRw, false},
    };
    const Components components(graph_, kDependencies | kAnyRw | kTime);
    came_.assign(2 * graph_.size(), {});
    std::set<std::tuple<std::size_t, Phenomenon, bool>> reported;
    for (Node from = 0; from < history_.size(); ++from) {
      if (components.size_at(from) < 2) continue;
      for (const Edge& edge : graph_[from]) {
        if (components.of(edge.to) != components.of(from)) continue;
        for (const Kinds time : {Kinds{0}, kTime}) {
          const auto* kind = std::find_if(std::begin(kClasses), std::end(kClasses), [&](const CycleClass& each) {
            return (only(edge.kind) & each.through) != 0 && way_back(edge, from, each, time, components);
          });
          if (kind == std::end(kClasses)) continue;
          if (reported.emplace(components.of(from), kind->phenomenon, time != 0).second) {
            report(kind->phenomenon, tell(way_), time != 0);
          }
          break;
        }
      }
    }
  }

  struct Step {
    Node from;
    Edge edge;
  };
  struct Came {
    std::uint64_t search = 0;  // the search that came here
    std::size_t place = 0;     // from where
    Step step{};
  };
  static bool is_rw(Kind kind) { return (only(kind) & kAnyRw) != 0; }
  /// Where a search can be: at a node, and whether an rw led there, if that matters.
  static std::size_t place_of(Node node, bool after_rw) { return 2 * node + (after_rw ? 1 : 0); }

  /// Finds the shortest cycle that begins with `first`: into way_.
  bool way_back(const Edge& first, Node from, const CycleClass& kind, Kinds time, const Components& components) {
    ++search_;
    const std::size_t start = place_of(first.to, kind.nonadjacent && is_rw(first.kind));
    came_[start] = {search_, start, {from, first}};
    std::deque<std::size_t> open{start};
    while (!open.empty()) {
      const std::size_t here = open.front();
      open.pop_front();
      for (const Edge& edge : graph_[here / 2]) {
        if ((only(edge.kind) & (kind.back | time)) == 0 || components.of(edge.to) != components.of(from)) continue;
        const bool closes = edge.to == from;
        if (kind.nonadjacent && is_rw(edge.kind) && (closes || here % 2 == 1)) continue;
        if (closes) {
          way_.assign(1, {here / 2, edge});
          for (std::size_t at = here;; at = came_[at].place) {
            way_.push_back(came_[at].step);
            if (at == start) break;
          }
          std::reverse(way_.begin(), way_.end());
          return true;
        }
        const std::size_t next = place_of(edge.to, kind.nonadjacent && is_rw(edge.kind));
        if (came_[next].search == search_) continue;
        came_[next] = {search_, here, {here / 2, edge}};
        open.push_back(next);
      }
    }
    return false;
  }

  std::string tell(const std::vector<Step>& way) const {
    static constexpr const char* kArrows[] = {"ww", "wr", "rw", "rw, predicate", "process", "rt"};
    std::string text;
    for (const Step& step : way) {
      if (step.from < history_.size()) text += called(step.from);
      const bool into_a_moment = step.edge.to >= history_.size();
      if (into_a_moment) continue;
      text += std::string(" -") + kArrows[static_cast<std::size_t>(step.edge.kind)] +
              (step.edge.key == nullptr ? "" : " " + *step.edge.key) + "-> ";
    }
    return text + (way.empty() ? "" : called(way.front().from));
  }

  const History& history_;
  std::map<std::string, Key> keys_;
  std::vector<std::vector<Edge>> graph_;
  std::uint64_t search_ = 0;
  std::vector<Came> came_;  // by place
  std::vector<Step> way_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check(const History& history) { return Checker(history).check(); }

}  // namespace strata::isolation
