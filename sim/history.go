package sim

import "fmt"

// Entry is what one machine told at one time.
type Entry struct {
	At      int64 // nanoseconds since the world began
	Machine string
	Boot    int
	Line    string
}

// History is all that was told, in order. It is the host's: no crash takes any
// of it away.
type History []Entry

// Violation is a promise that was broken.
type Violation struct {
	Promise string
	At      int64 // when it showed
	Detail  string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s (at %.3f s)", v.Promise, v.Detail, float64(v.At)/1e9)
}
