#include "fibre.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NN_ADDRESS_SANITIZER 1
#include <sanitizer/common_interface_defs.h>
#endif
#endif

#if defined(__x86_64__) || defined(__aarch64__)
// swapcontext asks the system for the signal mask at every switch, which is most of what a barrier would take.
extern "C" void nn_switch_stack(void **save, void *load);
extern "C" void nn_begin_stack();
#endif

#if defined(__x86_64__)
// What a called function must keep is pushed, and the stack left for the other one.
__asm__(
  ".text\n.global nn_switch_stack\n.hidden nn_switch_stack\n.type nn_switch_stack,@function\nnn_switch_stack:\n"
  "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
  "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
  "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  ret\n"
  ".size nn_switch_stack,.-nn_switch_stack\n"
  ".global nn_begin_stack\n.hidden nn_begin_stack\n.type nn_begin_stack,@function\nnn_begin_stack:\n"
  "  movq %r12, %rdi\n  callq *%rbx\n  ud2\n.size nn_begin_stack,.-nn_begin_stack\n");
#elif defined(__aarch64__)
__asm__(
  ".text\n.global nn_switch_stack\n.hidden nn_switch_stack\n.type nn_switch_stack,%function\nnn_switch_stack:\n"
  "  sub sp, sp, #160\n"
  "  stp x19, x20, [sp]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n  stp x25, x26, [sp, #48]\n"
  "  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
  "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
  "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
  "  ldp x19, x20, [sp]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n  ldp x25, x26, [sp, #48]\n"
  "  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
  "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
  "  add sp, sp, #160\n  ret\n.size nn_switch_stack,.-nn_switch_stack\n"
  ".global nn_begin_stack\n.hidden nn_begin_stack\n.type nn_begin_stack,%function\nnn_begin_stack:\n"
  "  mov x0, x20\n  blr x19\n  brk #1\n.size nn_begin_stack,.-nn_begin_stack\n");
#else
#include <ucontext.h>
namespace {
struct Contexts {
  ucontext_t own, caller;
};
}  // namespace
#endif

namespace nn_emulated {
namespace {

constexpr unsigned long stack_bytes = 128 << 10;

void begin(void *pointer) {
  Fibre &fibre = *(Fibre *)pointer;
#ifdef NN_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, &fibre.caller_bottom, &fibre.caller_size);
#endif
  fibre.body(fibre.argument);
  abort();
}

#if !defined(__x86_64__) && !defined(__aarch64__)
void begin_halves(unsigned high, unsigned low) { begin((void *)((unsigned long)high << 32 | low)); }
#endif

}  // namespace

Fibre *make_fibre(void (*body)(void *), void *argument) {
  unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
  void *map = mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  // A stack that is too small is to be noticed.
  mprotect(map, page, PROT_NONE);
  auto *fibre = new Fibre();
  fibre->body = body;
  fibre->argument = argument;
  fibre->bottom = (char *)map + page;
  fibre->size = stack_bytes;
  auto **top = (void **)((char *)map + page + stack_bytes);
#if defined(__x86_64__)
  // As nn_switch_stack leaves it: r15, r14, r13, r12, rbx, rbp, and where to go on, with a stack of a multiple of 16.
  top -= 9;
  for (int i = 0; i < 9; i++) top[i] = nullptr;
  top[3] = fibre;
  top[4] = (void *)begin;
  top[6] = (void *)nn_begin_stack;
  fibre->stack = top;
#elif defined(__aarch64__)
  top -= 20;
  for (int i = 0; i < 20; i++) top[i] = nullptr;
  top[0] = (void *)begin;
  top[1] = fibre;
  top[11] = (void *)nn_begin_stack;
  fibre->stack = top;
#else
  auto *contexts = new Contexts();
  getcontext(&contexts->own);
  contexts->own.uc_stack.ss_sp = (char *)map + page;
  contexts->own.uc_stack.ss_size = stack_bytes;
  unsigned long number = (unsigned long)fibre;
  makecontext(&contexts->own, (void (*)())begin_halves, 2, (unsigned)(number >> 32), (unsigned)number);
  fibre->stack = contexts;
  (void)top;
#endif
  return fibre;
}

void enter_fibre(Fibre &fibre) {
#ifdef NN_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&fibre.caller_fake, fibre.bottom, fibre.size);
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  nn_switch_stack(&fibre.caller, fibre.stack);
#else
  auto *contexts = (Contexts *)fibre.stack;
  swapcontext(&contexts->caller, &contexts->own);
#endif
#ifdef NN_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(fibre.caller_fake, nullptr, nullptr);
#endif
}

void leave_fibre(Fibre &fibre) {
#ifdef NN_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&fibre.fake, fibre.caller_bottom, fibre.caller_size);
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  nn_switch_stack(&fibre.stack, fibre.caller);
#else
  auto *contexts = (Contexts *)fibre.stack;
  swapcontext(&contexts->own, &contexts->caller);
#endif
#ifdef NN_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(fibre.fake, &fibre.caller_bottom, &fibre.caller_size);
#endif
}

}  // namespace nn_emulated
