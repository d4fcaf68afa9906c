#ifndef NN_MPI_H
#define NN_MPI_H

#include <stddef.h>
#include <stdint.h>

// What is needed of MPI, as functions: most of its names are macros, which Swift does not see. All are called from one
// thread. Results are MPI's error codes, 0 for success.

/// Begins, with calls from the calling thread alone. Messages go through a communicator of their own.
int nn_mpi_start(int *rank, int *count);
/// Ends; every process must.
int nn_mpi_finish(void);

/// Begins to send or receive; the bytes must stay where they are until `nn_mpi_test` says that it is done. A message that is
/// longer than the room for it is an error.
int nn_mpi_send(const void *bytes, int count, int to, int tag, uint64_t *request);
int nn_mpi_receive(void *bytes, int count, int from, int tag, uint64_t *request);
int nn_mpi_test(uint64_t *request, int *is_done);

/// Whether a message of a tag is there, from whom, and how long it is.
int nn_mpi_probe(int tag, int *is_there, int *from, int *count);

/// The longest text for an error, its end included.
int nn_mpi_text_size(void);
void nn_mpi_text(int code, char *text);
/// Such as "Open MPI v4.1.4, package: …", in at most `size` bytes; needs no start.
void nn_mpi_version(char *text, size_t size);

#endif
