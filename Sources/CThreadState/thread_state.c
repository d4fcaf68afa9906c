#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif

#include "nn_thread_state.h"

static _Thread_local int no_grad_depth = 0;
static _Thread_local int autocast = 0;
static _Thread_local int inside_parallel = 0;
static _Thread_local int forced_path = -1;
static _Thread_local void *tracer = 0;
static _Thread_local void *device_context = 0;

int nn_no_grad_depth(void) { return no_grad_depth; }
void nn_no_grad_add(int delta) { no_grad_depth += delta; }
int nn_autocast(void) { return autocast; }
void nn_set_autocast(int type) { autocast = type; }
int nn_inside_parallel(void) { return inside_parallel; }
void nn_set_inside_parallel(int value) { inside_parallel = value; }
int nn_forced_path(void) { return forced_path; }
void nn_set_forced_path(int path) { forced_path = path; }
void *nn_tracer(void) { return tracer; }
void nn_set_tracer(void *object) { tracer = object; }
void *nn_device_context(void) { return device_context; }
void nn_set_device_context(void *context) { device_context = context; }

#if defined(__linux__)
int nn_processor(void) { return sched_getcpu(); }

void nn_leave_processor(int processor) {
  cpu_set_t all;
  if (processor < 0 || processor >= CPU_SETSIZE || sched_getaffinity(0, sizeof all, &all) != 0) return;
  cpu_set_t others = all;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof all, &all);
}
#else
int nn_processor(void) { return -1; }
void nn_leave_processor(int processor) { (void)processor; }
#endif
