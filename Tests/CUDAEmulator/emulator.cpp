#include "CCUDAEmulator.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <unordered_map>

#include "emulated.h"
#include "fibre.h"

__thread nn_dim threadIdx, blockIdx, blockDim, gridDim;

namespace nn_emulated {
namespace {

constexpr unsigned most_threads = 1024;
constexpr size_t static_bytes = 48 << 10, launch_bytes = 227 << 10;
constexpr int most_declarations = 64;

Kernel *kernels = nullptr;

[[noreturn]] void stop(const char *what) {
  fprintf(stderr, "emulated card: %s (block %u %u %u, thread %u)\n", what, blockIdx.x, blockIdx.y, blockIdx.z,
          threadIdx.x);
  abort();
}

enum class State { running, at_block, at_warp, ended };

/// What runs the blocks of a launch.
struct Machine {
  struct Thread {
    State state;
    Fibre *fibre;
    /// Which of the two sets of slots the thread's next exchange uses.
    unsigned char turn;
  };

  const Kernel *kernel;
  void *const *arguments;
  /// Threads that have begun.
  unsigned begun;
  Thread threads[most_threads];
  Fibre *idle = nullptr;
  Fibre *current = nullptr;
  const char *barrier_file;
  int barrier_line;

  alignas(16) unsigned char slots[2][most_threads][16];
  struct {
    const void *declaration;
    unsigned char *address;
  } declared[most_declarations];
  int declared_count;
  size_t used;
  alignas(16) unsigned char static_memory[static_bytes];
  alignas(16) unsigned char launch_memory[launch_bytes];
  size_t launch_size;
  Machine *next = nullptr;

  /// Runs threads from the next one on, until one of them waits. A fibre goes on in later launches, which other threads of the
  /// host may carry out, so nothing here may be remembered of the variables of this one.
  static void run(void *machine) {
    auto &self = *(Machine *)machine;
    for (;;) {
      self.run_threads();
      self.current->next = self.idle;
      self.idle = self.current;
      leave_fibre(*self.current);
    }
  }

  __attribute__((noinline)) void run_threads() {
    while (begun < blockDim.x) {
      unsigned number = begun++;
      threadIdx = {number, 0, 0};
      threads[number] = {State::running, current, 0};
      kernel->call(kernel->function, arguments);
      threads[threadIdx.x].state = State::ended;
    }
  }

  void resume(unsigned number) {
    threadIdx = {number, 0, 0};
    threads[number].state = State::running;
    current = threads[number].fibre;
    enter_fibre(*current);
  }

  void park(State state) {
    threads[threadIdx.x].state = state;
    leave_fibre(*current);
  }

  /// Lets the warps go on whose threads have all come; whether there was one.
  bool resume_warps() {
    bool any = false;
    for (unsigned first = 0; first < blockDim.x; first += 32) {
      unsigned end = first + 32 < blockDim.x ? first + 32 : blockDim.x, waiting = 0, alive = 0;
      for (unsigned i = first; i < end; i++) {
        waiting += threads[i].state == State::at_warp;
        alive += threads[i].state != State::ended;
      }
      if (waiting == 0 || waiting < alive) continue;
      any = true;
      for (unsigned i = first; i < end; i++)
        if (threads[i].state == State::at_warp) resume(i);
    }
    return any;
  }

  void block() {
    declared_count = 0;
    used = 0;
    memset(launch_memory, 0xff, launch_size);
    begun = 0;
    while (begun < blockDim.x) {
      Fibre *fibre = idle;
      if (fibre) {
        idle = fibre->next;
      } else if (!(fibre = make_fibre(run, this))) {
        stop("there is no memory for another thread");
      }
      current = fibre;
      enter_fibre(*fibre);
    }
    for (;;) {
      while (resume_warps()) {
      }
      unsigned alive = 0;
      for (unsigned i = 0; i < blockDim.x; i++) {
        alive += threads[i].state != State::ended;
        if (threads[i].state == State::at_warp) stop("some threads of a warp wait for others that wait elsewhere");
      }
      if (alive == 0) return;
      barrier_file = nullptr;
      for (unsigned i = 0; i < blockDim.x; i++)
        if (threads[i].state == State::at_block) resume(i);
    }
  }
};

/// Machines that no launch uses. They have many stacks, and threads of the host come and go.
std::mutex machines_lock;
Machine *machines = nullptr;

Machine *take_machine() {
  std::lock_guard<std::mutex> guard(machines_lock);
  Machine *machine = machines;
  if (!machine) return new Machine();
  machines = machine->next;
  return machine;
}

void put_machine(Machine *machine) {
  std::lock_guard<std::mutex> guard(machines_lock);
  machine->next = machines;
  machines = machine;
}

thread_local Machine *running = nullptr;


const Kernel *find(const char *file, const char *name) {
  static const auto *table = [] {
    auto *table = new std::unordered_map<std::string, const Kernel *>();
    for (const Kernel *kernel = kernels; kernel; kernel = kernel->next) {
      const char *slash = strrchr(kernel->file, '/');
      std::string key = std::string(slash ? slash + 1 : kernel->file) + ":" + kernel->name;
      if (!table->emplace(key, kernel).second) {
        fprintf(stderr, "emulated card: there are two kernels %s\n", key.c_str());
        abort();
      }
    }
    return table;
  }();
  auto found = table->find(std::string(file) + ":" + name);
  return found == table->end() ? nullptr : found->second;
}

}  // namespace

Kernel::Kernel(const char *file, const char *name, unsigned threads, unsigned parameters,
               void (*call)(void *, void *const *), void *function)
    : file(file), name(name), threads(threads), parameters(parameters), call(call), function(function), next(kernels) {
  kernels = this;
}

void wait_block(const char *file, int line) {
  Machine &self = *running;
  // A barrier that threads reach at different places works on no card for sure.
  if (self.barrier_file && (self.barrier_line != line || strcmp(self.barrier_file, file) != 0))
    stop("threads of a block wait at different barriers");
  self.barrier_file = file;
  self.barrier_line = line;
  self.park(State::at_block);
}

void wait_warp() { running->park(State::at_warp); }

void *lane_slot(unsigned lane) {
  unsigned number = (threadIdx.x & ~31u) + lane;
  if (number >= blockDim.x) stop("an exchange with a lane that is not there");
  return running->slots[running->threads[threadIdx.x].turn][number];
}

void turn_slots() { running->threads[threadIdx.x].turn ^= 1; }

void *shared(const void *declaration, size_t byte_count) {
  Machine &self = *running;
  for (int i = 0; i < self.declared_count; i++)
    if (self.declared[i].declaration == declaration) return self.declared[i].address;
  size_t size = (byte_count + 15) & ~(size_t)15;
  if (self.declared_count == most_declarations || self.used + size > static_bytes)
    stop("a block has no more than 48 KiB of shared memory");
  unsigned char *address = self.static_memory + self.used;
  memset(address, 0xff, size);
  self.used += size;
  self.declared[self.declared_count++] = {declaration, address};
  return address;
}

void *launch_shared() { return running->launch_memory; }

}  // namespace nn_emulated

using namespace nn_emulated;

const char *nn_emulator_launch(const char *file, const char *name, const unsigned grid[3], unsigned block,
                               unsigned shared_bytes, void *const *arguments, long argument_count) {
  static thread_local char message[256];
  auto wrong = [&](const char *what, unsigned long found) {
    snprintf(message, sizeof message, "kernel %s of %s: %s (found %lu)", name, file, what, found);
    return message;
  };
  const Kernel *kernel = find(file, name);
  if (!kernel) return wrong("there is none", 0);
  if (kernel->parameters != argument_count) return wrong("another number of arguments", argument_count);
  if (block == 0 || block > kernel->threads || block % 32) return wrong("a block does not fit its bounds", block);
  if (grid[0] == 0 || grid[0] > 0x7fffffff) return wrong("the grid's first size", grid[0]);
  for (int axis = 1; axis < 3; axis++)
    if (grid[axis] == 0 || grid[axis] > 65535) return wrong("a grid's other size is 1 to 65535", grid[axis]);
  if (shared_bytes > launch_bytes) return wrong("too much shared memory", shared_bytes);
  if (running) return wrong("a launch inside of a kernel", 0);

  Machine &self = *take_machine();
  running = &self;
  self.kernel = kernel;
  self.arguments = arguments;
  self.launch_size = shared_bytes;
  self.barrier_file = nullptr;
  gridDim = {grid[0], grid[1], grid[2]};
  blockDim = {block, 1, 1};
  for (unsigned z = 0; z < grid[2]; z++)
    for (unsigned y = 0; y < grid[1]; y++)
      for (unsigned x = 0; x < grid[0]; x++) {
        blockIdx = {x, y, z};
        self.block();
      }
  running = nullptr;
  put_machine(&self);
  return nullptr;
}

const char *nn_emulator_kernel(long index) {
  static thread_local char name[256];
  const Kernel *kernel = kernels;
  while (kernel && index-- > 0) kernel = kernel->next;
  if (!kernel) return nullptr;
  const char *slash = strrchr(kernel->file, '/');
  snprintf(name, sizeof name, "%s:%s", slash ? slash + 1 : kernel->file, kernel->name);
  return name;
}

// MARK: Memory

static size_t page_size() {
  static const size_t size = (size_t)sysconf(_SC_PAGESIZE);
  return size;
}

static size_t pages_of(size_t byte_count) {
  size_t page = page_size();
  return (byte_count + page - 1) / page * page + (byte_count == 0 ? page : 0);
}

void *nn_emulator_allocate(unsigned long byte_count) {
  size_t page = page_size(), size = pages_of(byte_count);
  void *map = mmap(nullptr, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  unsigned char *first = (unsigned char *)map + page;
  if (mprotect(first, size, PROT_READ | PROT_WRITE)) {
    munmap(map, size + 2 * page);
    return nullptr;
  }
  unsigned char *address = first + size - ((byte_count + 15) & ~15ul);
  memset(address, 0xff, (byte_count + 15) & ~15ul);
  return address;
}

void nn_emulator_free(void *address, unsigned long byte_count) {
  size_t page = page_size(), size = pages_of(byte_count);
  unsigned char *end = (unsigned char *)address + ((byte_count + 15) & ~15ul);
  munmap(end - size - page, size + 2 * page);
}
