#include "nn_mpi.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

_Static_assert(sizeof(MPI_Request) <= sizeof(uint64_t), "a request fits into 64 bits");

static MPI_Comm group = MPI_COMM_NULL;

int nn_mpi_start(int *rank, int *count) {
  // Between looks at messages the thread sleeps, for as long as it says and not 50 microseconds longer.
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  int provided;
  int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (code) return code;
  if (provided < MPI_THREAD_FUNNELED) return MPI_ERR_OTHER;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if ((code = MPI_Comm_dup(MPI_COMM_WORLD, &group))) return code;
  MPI_Comm_set_errhandler(group, MPI_ERRORS_RETURN);
  if ((code = MPI_Comm_rank(group, rank))) return code;
  return MPI_Comm_size(group, count);
}

int nn_mpi_finish(void) { return MPI_Finalize(); }

int nn_mpi_send(const void *bytes, int count, int to, int tag, uint64_t *request) {
  MPI_Request started;
  int code = MPI_Isend(bytes, count, MPI_BYTE, to, tag, group, &started);
  *request = 0;
  memcpy(request, &started, sizeof started);
  return code;
}

int nn_mpi_receive(void *bytes, int count, int from, int tag, uint64_t *request) {
  MPI_Request started;
  int code = MPI_Irecv(bytes, count, MPI_BYTE, from, tag, group, &started);
  *request = 0;
  memcpy(request, &started, sizeof started);
  return code;
}

int nn_mpi_test(uint64_t *request, int *is_done) {
  MPI_Request started;
  memcpy(&started, request, sizeof started);
  int code = MPI_Test(&started, is_done, MPI_STATUS_IGNORE);
  memcpy(request, &started, sizeof started);
  return code;
}

int nn_mpi_probe(int tag, int *is_there, int *from, int *count) {
  MPI_Status status;
  int code = MPI_Iprobe(MPI_ANY_SOURCE, tag, group, is_there, &status);
  if (code || !*is_there) return code;
  *from = status.MPI_SOURCE;
  return MPI_Get_count(&status, MPI_BYTE, count);
}

int nn_mpi_text_size(void) { return MPI_MAX_ERROR_STRING + 1; }

void nn_mpi_text(int code, char *text) {
  int length = 0;
  if (MPI_Error_string(code, text, &length)) length = 0;
  text[length] = 0;
}

void nn_mpi_version(char *text, size_t size) {
  char whole[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  if (MPI_Get_library_version(whole, &length)) length = 0;
  snprintf(text, size, "%.*s", length, whole);
}
