package sim

import (
	"fmt"
	"strings"
)

const promiseOut = "who was removed stays out"

// saysRemoved is what a node says that was removed and is started all the same.
const saysRemoved = "removed from it on purpose"

// outWithin is how long a node may take to find out that it was removed.
const outWithin = 10e9

// checkMembers follows nodes that leave: each is deleted, and when it is started
// again, it ends by itself and leads nothing before.
func checkMembers(h History) (out []Violation) {
	leaves, removed, ended := map[string]int64{}, map[string]int64{}, map[string]bool{}
	var order []string
	rested := false
	for _, e := range h {
		word, rest, _ := strings.Cut(e.Line, " ")
		switch {
		case e.Line == "rested":
			rested = true
		case e.Line == "leaves" && !rested: // later nobody is there to delete it
			leaves[e.Machine] = e.At
			order = append(order, e.Machine)
		case word == "deleted":
			delete(leaves, rest)
		case e.Line == "removed":
			removed[e.Machine] = e.At
		case word == "failed" && strings.Contains(e.Line, saysRemoved):
			ended[e.Machine] = true
		case word == "leading" && removed[e.Machine] > 0 && !ended[e.Machine]:
			out = append(out, Violation{promiseOut, e.At, fmt.Sprintf("%s leads group %s after it was removed", e.Machine, rest)})
		}
	}
	for _, machine := range order {
		end := h[len(h)-1].At
		if at, open := leaves[machine]; open {
			out = append(out, Violation{promiseLive, end, fmt.Sprintf("%s left at %.3f s, and could not be deleted", machine, float64(at)/1e9)})
		}
		if at := removed[machine]; at > 0 && end-at > outWithin && !ended[machine] {
			out = append(out, Violation{promiseOut, end, fmt.Sprintf("%s was removed, started again at %.3f s, and did not end", machine, float64(at)/1e9)})
		}
	}
	return out
}
