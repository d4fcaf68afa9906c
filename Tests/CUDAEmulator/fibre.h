#pragma once

// Stacks that a thread of the host switches between.

namespace nn_emulated {

struct Fibre {
  /// Where the stack stands while the fibre does not run, and that of whoever entered it while it does.
  void *stack, *caller;
  void (*body)(void *);
  void *argument;
  Fibre *next;
  /// For the address sanitizer.
  const void *bottom, *caller_bottom;
  unsigned long size, caller_size;
  void *fake, *caller_fake;
};

/// A fibre that runs body(argument), which never returns, when it is entered; NULL if there is no memory.
Fibre *make_fibre(void (*body)(void *), void *argument);
/// Goes on in the fibre until it leaves.
void enter_fibre(Fibre &fibre);
/// Goes on where the fibre was entered.
void leave_fibre(Fibre &fibre);

}  // namespace nn_emulated
