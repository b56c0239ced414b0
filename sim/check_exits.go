package sim

import (
	"fmt"
	"slices"
	"strings"
)

// What a node says that ends because of its disk.
var (
	saysSick    = []string{"I/O error"}
	saysDamaged = []string{"damaged", "lost state", "corrupt", "checksum"}
)

// checkExits wants no node to end by itself, but for one whose disk fails or was
// damaged, one that was removed, and one that is an older release than its network
// takes; those must name it.
func checkExits(h History) (out []Violation) {
	type state struct {
		sick, damaged, removed, older bool
		named                         bool // this instance has said why it ends
	}
	states := map[string]*state{}
	for _, e := range h {
		s := states[e.Machine]
		if s == nil {
			s = &state{}
			states[e.Machine] = s
		}
		word, _, _ := strings.Cut(e.Line, " ")
		switch {
		case e.Machine == "clients":
		case word == "booted":
			s.sick, s.older, s.named = false, false, false
		case e.Line == noteOlder:
			s.older = true
		case e.Line == "disk fails":
			s.sick = true
		case word == "rotten":
			s.damaged = true
		case e.Line == "removed":
			s.removed = true
		case word == "replaced":
			s.damaged = false
		case word == "failed" && (s.sick && says(e.Line, saysSick) || s.damaged && says(e.Line, saysDamaged) ||
			s.removed && strings.Contains(e.Line, saysRemoved) || s.older && strings.Contains(e.Line, saysOutdated)):
			s.named = true
		case word == "exited" && s.named:
		case word == "exited" || word == "failed":
			out = append(out, Violation{promiseRuns, e.At, fmt.Sprintf("%s, boot %d: %s", e.Machine, e.Boot, e.Line)})
		}
	}
	return out
}

func says(line string, any []string) bool {
	return slices.ContainsFunc(any, func(text string) bool { return strings.Contains(line, text) })
}
