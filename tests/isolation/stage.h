#pragma once
/// Transactions on threads of their own, moved step by step from one script.
///
///     script ──perform(1, step)──► actor 1 runs it; perform returns when every actor either has nothing to do
///                                  or waits for a lock that another transaction holds
///
/// A step of an actor that waits queues behind what it waits in, as a statement in a terminal would. Nothing here knows how
/// long anything takes: who waits is told by the engine.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace strata::isolation {

/// Threads: one script at a time.
class Stage {
 public:
  /// waiting   how many transactions wait for a lock now; called by the script's thread only
  Stage(std::size_t actors, std::function<std::size_t()> waiting);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Hands `step` to `actor` and lets everything run that can run.
  void perform(std::size_t actor, std::function<void()> step);
  /// Returns when all steps are done. The engine ends every wait: by a grant, a victim or a timeout.
  void finish();

 private:
  struct Actor {
    std::deque<std::function<void()>> steps;
    bool running = false;
    std::thread thread;
  };
  void act(Actor& actor);
  std::size_t busy() const;

  const std::function<std::size_t()> waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::deque<Actor> actors_;
};

}  // namespace strata::isolation
