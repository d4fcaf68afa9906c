#include "nn_thread_state.h"

static _Thread_local int no_grad_depth = 0;
static _Thread_local int inside_parallel = 0;
static _Thread_local int forced_path = -1;
static _Thread_local void *tracer = 0;

int nn_no_grad_depth(void) { return no_grad_depth; }
void nn_no_grad_add(int delta) { no_grad_depth += delta; }
int nn_inside_parallel(void) { return inside_parallel; }
void nn_set_inside_parallel(int value) { inside_parallel = value; }
int nn_forced_path(void) { return forced_path; }
void nn_set_forced_path(int path) { forced_path = path; }
void *nn_tracer(void) { return tracer; }
void nn_set_tracer(void *object) { tracer = object; }
