// Package artifact keeps the results of computations on disk, under the hash
// of what they were computed from, in formats that others read.
//
// [Step] is the heart: it looks a result up by its [Spec] and computes it only
// if it is not there. A result is a pointer to a struct with exported fields
// that embeds [Provenance]; its arrays go to one safetensors file, all else to
// JSON. What [Step] promises:
//
//   - a result is in the store as a whole or not at all, whenever the process
//     is killed;
//   - what is read has the hash it was written with; a damaged result is
//     computed again, and that is said;
//   - two processes, or two goroutines, that ask for the same step compute it
//     once: the second waits;
//   - the same spec gives files with the same bytes, the record of time and
//     versions aside.
//
// Arrays of a loaded result are the caller's own.
//
// [WriteFile] writes any file as a whole or not at all; [Table] writes CSV,
// package parquet the same as Parquet; [WriteSafetensors] and [WriteNpy] write
// arrays. What lies in a store is described in docs/artifacts.md.
package artifact
