package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Promises that the checkers look at.
const (
	promiseAccepted = "no accepted call is lost"
	promiseOnce     = "a key has one call"
	promiseTerminal = "a call has one terminal state"
	promiseReplicas = "replicas are equal at equal index"
	promiseLeader   = "a term has one leader"
	promiseLive     = "after the faults all calls end"
	promiseRuns     = "no node gives up"
)

// Check looks for broken promises in a history.
func Check(h History) []Violation {
	var out []Violation
	for _, check := range []func(History) []Violation{checkCalls, checkPlugs, checkReplicas, checkLeaders, checkLiveness, checkExits, checkMembers, checkModel, checkOwn, checkBounds} {
		out = append(out, check(h)...)
	}
	return inOrder(out)
}

// inOrder gives violations in the order in which they showed.
func inOrder(some ...[]Violation) []Violation {
	all := slices.Concat(some...)
	slices.SortStableFunc(all, func(a, b Violation) int { return cmp.Compare(a.At, b.At) })
	return all
}

// terminal are the states that a call ends in.
var terminal = []string{"finished", "failed", "cancelled", "expired"}

// checkCalls follows each call from its acceptance.
func checkCalls(h History) (out []Violation) {
	ids, keys, ends, wants := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for _, e := range h {
		f := strings.SplitN(e.Line, " ", 4)
		switch {
		case f[0] == "invoke" && len(f) == 3:
			wants[f[1]] = f[2]
		case f[0] == "accepted" && len(f) == 3:
			key, id := f[1], f[2]
			if before, ok := ids[key]; ok && before != id {
				out = append(out, Violation{promiseOnce, e.At, fmt.Sprintf("key %s is call %s and call %s", key, before, id)})
			}
			if before, ok := keys[id]; ok && before != key {
				out = append(out, Violation{promiseOnce, e.At, fmt.Sprintf("call %s has the keys %s and %s", id, before, key)})
			}
			ids[key], keys[id] = id, key
		case f[0] == "unread" && len(f) >= 3 && strings.HasPrefix(f[2], "NOT_FOUND"):
			out = append(out, Violation{promiseAccepted, e.At, fmt.Sprintf("call %s of key %s is not found", f[1], keys[f[1]])})
		case f[0] == "read" && len(f) >= 3 && slices.Contains(terminal, f[2]):
			end := strings.Join(f[2:], " ")
			if before, ok := ends[f[1]]; ok && before != end {
				out = append(out, Violation{promiseTerminal, e.At, fmt.Sprintf("call %s was %s and is %s", f[1], before, end)})
			}
			if want := fmt.Sprintf("finished %q", wants[keys[f[1]]]); f[2] == "finished" && end != want {
				out = append(out, Violation{promiseTerminal, e.At, fmt.Sprintf("call %s is %s, want %s", f[1], end, want)})
			}
			ends[f[1]] = end
		case f[0] == "read" && len(f) >= 3 && ends[f[1]] != "":
			out = append(out, Violation{promiseTerminal, e.At, fmt.Sprintf("call %s was %s and is %s again", f[1], ends[f[1]], f[2])})
		}
	}
	return append(out, unended(h, ends)...)
}

// unended are accepted calls that nobody saw end.
func unended(h History, ends map[string]string) (out []Violation) {
	for _, e := range h {
		if f := strings.Fields(e.Line); f[0] == "accepted" && len(f) == 3 && ends[f[2]] == "" {
			out = append(out, Violation{promiseLive, h[len(h)-1].At, fmt.Sprintf("call %s of key %s, accepted at %.3f s, has not ended", f[2], f[1], float64(e.At)/1e9)})
		}
	}
	return out
}

// checkReplicas compares what replicas applied, and their state, index by index.
func checkReplicas(h History) (out []Violation) {
	type hashed struct{ hash, by string }
	seen := map[string]hashed{}
	for _, e := range h {
		f := strings.Fields(e.Line)
		if len(f) != 4 || f[0] != "applied" && f[0] != "state" {
			continue
		}
		at := strings.Join(f[:3], " ") // what, group, index
		if before, ok := seen[at]; !ok {
			seen[at] = hashed{f[3], e.Machine}
		} else if before.hash != f[3] {
			out = append(out, Violation{promiseReplicas, e.At, fmt.Sprintf("%s of group %s at %s is %s on %s and %s on %s", f[0], f[1], f[2], before.hash, before.by, f[3], e.Machine)})
		}
	}
	return out
}

func checkLeaders(h History) (out []Violation) {
	leaders := map[string]string{}
	for _, e := range h {
		f := strings.Fields(e.Line)
		if len(f) != 3 || f[0] != "leading" {
			continue
		}
		if before, ok := leaders[e.Line]; ok && before != e.Machine {
			out = append(out, Violation{promiseLeader, e.At, fmt.Sprintf("group %s has the leaders %s and %s in term %s", f[1], before, e.Machine, f[2])})
		}
		leaders[e.Line] = e.Machine
	}
	return out
}

// checkLiveness wants the clients to have come to their end.
func checkLiveness(h History) []Violation {
	if slices.ContainsFunc(h, func(e Entry) bool { return e.Line == "rested" }) {
		return nil
	}
	at := int64(0)
	if len(h) > 0 {
		at = h[len(h)-1].At
	}
	return []Violation{{promiseLive, at, "the clients still wait at the end"}}
}
