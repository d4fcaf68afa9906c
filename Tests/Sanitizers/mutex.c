// Tells the thread sanitizer of the contended half of Swift's Mutex. Its first attempt is inlined into our code, where the
// sanitizer sees it; waiting for another thread happens in the Swift library, which is not built with it, so that it would
// report every state behind a contended lock. The two functions stand in for the library's and call them.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NN_THREAD_SANITIZER 1
#endif
#endif

#ifdef NN_THREAD_SANITIZER
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

void __tsan_acquire(void *);
void __tsan_release(void *);

// Synchronization._MutexHandle._lockSlow(UInt32) and _unlockSlow(), whose self is the address of the lock.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

typedef SWIFT void lock_function(uint32_t, SELF);
typedef SWIFT void unlock_function(SELF);

SWIFT void nn_lock_slow(uint32_t state, SELF self) __asm__(LOCK_SLOW);
SWIFT void nn_unlock_slow(SELF self) __asm__(UNLOCK_SLOW);

SWIFT void nn_lock_slow(uint32_t state, SELF self) {
  ((lock_function *)dlsym(RTLD_NEXT, LOCK_SLOW))(state, self);
  __tsan_acquire(self);
}

SWIFT void nn_unlock_slow(SELF self) {
  __tsan_release(self);
  ((unlock_function *)dlsym(RTLD_NEXT, UNLOCK_SLOW))(self);
}
#endif
