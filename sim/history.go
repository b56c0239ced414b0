package sim

import (
	"fmt"
	"strings"
)

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

func (h History) String() string {
	var b strings.Builder
	for _, e := range h {
		fmt.Fprintf(&b, "%12.6f %s/%d %s\n", float64(e.At)/1e9, e.Machine, e.Boot, e.Line)
	}
	return b.String()
}

// Count is how many lines begin with a word.
func (h History) Count(word string) (n int) {
	for _, e := range h {
		if first, _, _ := strings.Cut(e.Line, " "); first == word {
			n++
		}
	}
	return n
}

// Violation is a promise that was broken.
type Violation struct {
	Promise string
	At      int64 // when it showed
	Detail  string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s (at %.3f s)", v.Promise, v.Detail, float64(v.At)/1e9)
}
