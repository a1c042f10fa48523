/* What kernels need of an operating system: a bounded pool of threads, scratch memory for each thread, a last message. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform.h"

static _Thread_local const char *message = "";

int mg_fail(const char *text) {
  message = text;
  return 1;
}

const char *mg_message(void) { return message; }

/* ---- Scratch: a stack of blocks that are kept for the next call. ---- */

enum { MOST_BLOCKS = 64 };
static const size_t LEAST_BLOCK = 1 << 20;

typedef struct {
  char *block[MOST_BLOCKS];
  size_t size[MOST_BLOCKS];
  int current;
  size_t used; /* of the current block */
} Scratch;

static pthread_key_t scratchKey;
static pthread_once_t scratchOnce = PTHREAD_ONCE_INIT;
static _Thread_local Scratch *scratch;

static void free_scratch(void *pointer) {
  Scratch *s = pointer;
  for (int i = 0; i < MOST_BLOCKS; i++) free(s->block[i]);
  free(s);
}

static void make_key(void) { pthread_key_create(&scratchKey, free_scratch); }

void *mg_scratch(size_t bytes) {
  if (!scratch) {
    pthread_once(&scratchOnce, make_key);
    scratch = calloc(1, sizeof *scratch);
    if (!scratch) return 0;
    pthread_setspecific(scratchKey, scratch); /* frees it when the thread ends */
  }
  if (bytes > SIZE_MAX / 4) return 0;
  bytes = (bytes + 127) / 64 * 64;
  for (Scratch *s = scratch;; s->current++, s->used = 0) {
    if (s->current == MOST_BLOCKS) {
      s->current--;
      s->used = s->size[s->current];
      return 0;
    }
    if (s->block[s->current] && s->used == 0 && s->size[s->current] < bytes) {
      free(s->block[s->current]); /* unused and too small */
      s->block[s->current] = 0;
    }
    if (!s->block[s->current]) {
      const size_t size = bytes > LEAST_BLOCK ? bytes : LEAST_BLOCK;
      void *block;
      if (posix_memalign(&block, 64, size)) return 0;
      s->block[s->current] = block;
      s->size[s->current] = size;
      s->used = 0;
    }
    if (s->size[s->current] - s->used >= bytes) {
      void *found = s->block[s->current] + s->used;
      s->used += bytes;
      return found;
    }
  }
}

size_t mg_scratch_mark(void) { return scratch ? (size_t)scratch->current << 48 | scratch->used : 0; }

void mg_scratch_release(size_t mark) {
  if (!scratch) return;
  scratch->current = (int)(mark >> 48);
  scratch->used = mark & (((size_t)1 << 48) - 1);
}

/* ---- Threads: tasks are numbered pieces of work; whoever is free takes the next. ---- */

enum { MOST_THREADS = 64 };

static struct {
  pthread_mutex_t owner, lock;
  pthread_cond_t start, finish;
  int threads, started;
  unsigned generation;
  int tasks, running;
  atomic_int next, failed;
  int (*run)(void *, int);
  void *context;
  const char *message;
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .start = PTHREAD_COND_INITIALIZER,
          .finish = PTHREAD_COND_INITIALIZER};

static int cores(void) {
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : count > MOST_THREADS ? MOST_THREADS : (int)count;
}

void mg_set_threads(int count) { pool.threads = count < 1 ? 1 : count > cores() ? cores() : count; }

int mg_thread_count(void) { return pool.threads ? pool.threads : cores(); }

static void take_tasks(void) {
  for (int task; (task = atomic_fetch_add(&pool.next, 1)) < pool.tasks;)
    if (pool.run(pool.context, task)) {
      pool.message = message;
      atomic_store(&pool.failed, 1);
    }
}

static void *worker(void *number) {
  unsigned seen = 0;
  pthread_mutex_lock(&pool.lock);
  for (;;) {
    while (seen == pool.generation || (int)(intptr_t)number >= mg_thread_count()) {
      seen = pool.generation;
      pthread_cond_wait(&pool.start, &pool.lock);
    }
    seen = pool.generation;
    if (atomic_load(&pool.next) >= pool.tasks) continue; /* woken too late: nothing is left */
    pool.running++;
    pthread_mutex_unlock(&pool.lock);
    take_tasks();
    pthread_mutex_lock(&pool.lock);
    if (--pool.running == 0) pthread_cond_signal(&pool.finish);
  }
  return 0;
}

static int run_alone(int tasks, int (*run)(void *, int), void *context) {
  int failed = 0;
  for (int task = 0; task < tasks; task++) failed |= run(context, task);
  return failed;
}

int mg_parallel(int tasks, int (*run)(void *, int), void *context) {
  if (tasks < 2 || mg_thread_count() < 2 || pthread_mutex_trylock(&pool.owner)) return run_alone(tasks, run, context);
  while (pool.started < mg_thread_count() - 1) {
    pthread_t thread;
    if (pthread_create(&thread, 0, worker, (void *)(intptr_t)(pool.started + 1))) break; /* fewer threads then */
    pthread_detach(thread);
    pool.started++;
  }
  pthread_mutex_lock(&pool.lock);
  pool.run = run;
  pool.context = context;
  pool.tasks = tasks;
  atomic_store(&pool.failed, 0);
  atomic_store(&pool.next, 0);
  pool.generation++;
  pthread_cond_broadcast(&pool.start);
  pthread_mutex_unlock(&pool.lock);
  take_tasks();
  pthread_mutex_lock(&pool.lock);
  while (pool.running > 0) pthread_cond_wait(&pool.finish, &pool.lock);
  const int failed = atomic_load(&pool.failed);
  if (failed) message = pool.message;
  pool.tasks = 0;
  pthread_mutex_unlock(&pool.lock);
  pthread_mutex_unlock(&pool.owner);
  return failed;
}
