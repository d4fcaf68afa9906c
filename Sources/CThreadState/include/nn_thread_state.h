#ifndef NN_THREAD_STATE_H
#define NN_THREAD_STATE_H

/// Depth of nested `noGrad` scopes on the calling thread (Swift has no thread-local variables).
int nn_no_grad_depth(void);
void nn_no_grad_add(int delta);

/// The number of the element type in which the calling thread computes products, 0 if it is that of the operands.
int nn_autocast(void);
void nn_set_autocast(int type);

/// Non-zero while the calling thread runs a piece of a parallel loop: nested loops then run serially.
int nn_inside_parallel(void);
void nn_set_inside_parallel(int value);

/// The kernel path that products started on the calling thread are forced to take, -1 if none (for tests).
int nn_forced_path(void);
void nn_set_forced_path(int path);

/// Whoever watches the operations of the calling thread, null if nobody does.
void *nn_tracer(void);
void nn_set_tracer(void *object);

/// The context of a GPU that the calling thread uses, null if it has used none.
void *nn_device_context(void);
void nn_set_device_context(void *context);

/// The processor that the calling thread runs on, -1 if the system does not tell.
int nn_processor(void);
/// Moves the calling thread to another of the processors that it may run on, if there is one; afterwards it may run on
/// all of them as before.
void nn_leave_processor(int processor);

/// Tells the processor that this thread waits in a loop: some 20 to 50 ns.
static inline void nn_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

#endif
