// Package random gives every stage of a computation a stream of its own, so
// that adding a draw to one stage moves no other stage's numbers.
package random

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Stream returns the PCG stream of the given seed and stage name. The same
// pair gives the same numbers on every machine.
func Stream(seed uint64, stage string) *rand.Rand {
	h := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte(stage), seed))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(h[:8]), binary.LittleEndian.Uint64(h[8:16])))
}
