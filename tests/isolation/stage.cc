#include "isolation/stage.h"

#include <algorithm>
#include <chrono>

namespace strata::isolation {
namespace {

// How often the engine is asked who waits, while somebody does. It changes how soon a script goes on, not what it does.
constexpr std::chrono::microseconds kAskEvery{200};

}  // namespace

Stage::Stage(std::size_t actors, std::function<std::size_t()> waiting) : waiting_(std::move(waiting)) {
  for (std::size_t i = 0; i < actors; ++i) {
    Actor& actor = actors_.emplace_back();
    actor.thread = std::thread([this, &actor] { act(actor); });
  }
}

Stage::~Stage() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (Actor& actor : actors_) actor.thread.join();
}

void Stage::act(Actor& actor) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return over_ || !actor.steps.empty(); });
    if (actor.steps.empty()) return;
    const std::function<void()> step = std::move(actor.steps.front());
    actor.steps.pop_front();
    actor.running = true;
    lock.unlock();
    step();
    lock.lock();
    actor.running = false;
    changed_.notify_all();
  }
}

std::size_t Stage::busy() const {
  return static_cast<std::size_t>(std::count_if(
      actors_.begin(), actors_.end(), [](const Actor& actor) { return actor.running || !actor.steps.empty(); }));
}

void Stage::perform(std::size_t actor, std::function<void()> step) {
  std::unique_lock lock(mutex_);
  actors_[actor].steps.push_back(std::move(step));
  changed_.notify_all();
  while (!changed_.wait_for(lock, kAskEvery, [this] { return busy() == 0; })) {
    lock.unlock();
    const std::size_t waiting = waiting_();
    lock.lock();
    if (waiting == busy()) return;
  }
}

void Stage::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return busy() == 0; });
}

}  // namespace strata::isolation
