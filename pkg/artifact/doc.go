// Package artifact keeps results on disk in formats that others read.
//
// [WriteFile] writes a file as a whole or not at all; all writers here go
// through it.
package artifact
