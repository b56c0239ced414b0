package sim

import (
	"fmt"
	"slices"
	"strings"
)

const (
	promisePlugs = "each plug fires once per finished call"
	promiseGates = "an arrival is joined once"
)

// caused are calls that the clients saw their own lead to, and the plugs that
// there are.
type caused struct {
	plugs []plugged
	calls map[string]causedCall
	order []string
}

type plugged struct{ name, kind, from, to, argument, correlate string }

type causedCall struct {
	at                  int64
	socket, state, plug string
	parents             []string
}

// readCaused takes the plugs, and the calls of each root that was followed to
// its end.
func readCaused(h History) caused {
	c := caused{calls: map[string]causedCall{}}
	for _, e := range h {
		f := strings.SplitN(e.Line, " ", 8)
		switch {
		case f[0] == "plug" && len(f) == 7:
			c.plugs = append(c.plugs, plugged{f[1], f[2], f[3], f[4], f[5], f[6]})
		case f[0] == "caused" && len(f) == 8:
			if _, again := c.calls[f[2]]; !again {
				c.order = append(c.order, f[2])
			}
			c.calls[f[2]] = causedCall{at: e.At, socket: f[3], state: f[4], plug: f[5], parents: strings.Split(f[6], ",")}
		}
	}
	return c
}

// checkPlugs follows what calls led to: of each call that ended, each plug for
// such an end leads to one call, or to one arrival that is joined at most once.
func checkPlugs(h History) (out []Violation) {
	c := readCaused(h)
	children := map[string][]string{} // by parent and target socket
	for _, id := range c.order {
		for _, parent := range c.calls[id].parents {
			children[parent+" "+c.calls[id].socket] = append(children[parent+" "+c.calls[id].socket], id)
		}
	}
	for _, id := range c.order {
		call := c.calls[id]
		if !slices.Contains(terminal, call.state) {
			out = append(out, Violation{promiseLive, call.at, fmt.Sprintf("call %s of socket %s is still %s", id, call.socket, call.state)})
		}
		for _, p := range c.plugs {
			if p.from != call.socket || p.to == p.from {
				continue
			}
			n, want := len(children[id+" "+p.to]), c.wanted(p, id)
			if n > want || n < want && (p.argument == "-" || c.complete(p, id)) {
				promise := promisePlugs
				if p.argument != "-" {
					promise = promiseGates
				}
				out = append(out, Violation{promise, call.at, fmt.Sprintf("call %s of socket %s is %s and led to %d calls of %s, want %d", id, call.socket, call.state, n, p.to, want)})
			}
		}
	}
	return out
}

// wanted is how many calls of a plug's target a call's end leads to: one for
// each plug there that such an end fires, but one for all that are gated.
func (c caused) wanted(p plugged, id string) (n int) {
	gated := 0
	for _, other := range c.plugs {
		switch {
		case other.from != p.from || other.to != p.to || !fires(other.kind, c.calls[id].state):
		case other.argument == "-":
			n++
		default:
			gated = 1
		}
	}
	return n + gated
}

func fires(kind, state string) bool {
	return kind == "RESULT" && state == "finished" || kind == "ERROR" && (state == "failed" || state == "expired")
}

// complete says whether all that the gate waits for has come in this run; only
// then, and where arrivals of the same run are joined, must there be a call.
func (c caused) complete(p plugged, id string) bool {
	if p.correlate != "tracking" {
		return false
	}
	root := c.root(id)
	for _, other := range c.plugs {
		if other.to != p.to {
			continue
		}
		if !slices.ContainsFunc(c.order, func(id string) bool {
			return c.calls[id].socket == other.from && fires(other.kind, c.calls[id].state) && c.root(id) == root
		}) {
			return false
		}
	}
	return true
}

// root is the first cause of a call.
func (c caused) root(id string) string {
	for range c.order {
		parent := c.calls[id].parents
		if len(parent) == 0 || parent[0] == "-" {
			return id
		}
		id = parent[0]
	}
	return id
}
