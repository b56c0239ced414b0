package twin

import "math/rand/v2"

// Vice is a way in which a worker goes wrong.
type Vice uint32

// Vices that there are.
const (
	Sound       Vice = iota
	CrashBefore      // it ends when it is given a call
	CrashDuring      // it ends while it runs one
	CrashAfter       // it ends right after its answer
	Hang             // it never answers
	Slow             // it takes many times longer
	Late             // it answers when it is told to end, and not before
	Garbage          // it sends what is no answer
	Truncated        // it sends the beginning of an answer, and ends
	Oversized        // it says that its answer is longer than any may be
	Duplicate        // it answers twice
	NoJSON           // its result is not JSON
	vices
)

// Vices is how many there are, Sound among them.
const Vices = int(vices)

// A vice and how often it shows travel in one number: the vice in the upper half,
// the share in millionths in the lower.
const (
	viceBits = 32
	million  = 1e6
)

// PackVice is what the host answers to a worker that asks how it is.
func PackVice(v Vice, share float64) uint64 { return uint64(v)<<viceBits | uint64(share*million) }

// drawVice says how a worker treats its next call.
func drawVice(packed uint64) Vice {
	if packed == 0 || rand.IntN(million) >= int(uint32(packed)) {
		return Sound
	}
	return Vice(packed >> viceBits)
}
