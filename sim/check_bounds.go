package sim

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	promiseCPUs   = "a node runs no more calls at a time than it has CPUs"
	promiseMemory = "a node's memory is bounded"
)

// mostGuest is the most memory that a machine may use in a run: what the Go
// runtime holds of it, garbage too.
const mostGuest = 256 << 20

// checkBounds counts what runs on each node, and looks at its memory.
func checkBounds(h History) (broken []Violation) {
	cpus, running := map[string]int{}, map[string]int{}
	for _, e := range h {
		f := strings.Fields(e.Line)
		switch f[0] {
		case "booted":
			running[e.Machine] = 0
		case "cpus":
			cpus[e.Machine], _ = strconv.Atoi(f[1])
		case "began":
			if running[e.Machine]++; cpus[e.Machine] > 0 && running[e.Machine] > cpus[e.Machine] {
				broken = append(broken, Violation{promiseCPUs, e.At, fmt.Sprintf("%s has %d CPUs, and begins call %s as the %dth at a time", e.Machine, cpus[e.Machine], f[1], running[e.Machine])})
			}
		case "done", "left":
			running[e.Machine]--
		case "memory":
			if used, _ := strconv.ParseUint(f[1], 10, 64); used > mostGuest {
				broken = append(broken, Violation{promiseMemory, e.At, fmt.Sprintf("%s has used %d bytes, and %d are the most", e.Machine, used, uint64(mostGuest))})
			}
		}
	}
	return broken
}
