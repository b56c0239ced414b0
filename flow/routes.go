package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// The types of plugs.
const (
	resultPlug = "RESULT"
	errorPlug  = "ERROR"
)

// routes is what a function sent to plugs itself, by their names. Empty: it did
// not route, and its result goes to all of them.
type routes map[string]json.RawMessage

// readRoutes reads a JSON object; the values stay the texts that they are. No
// text is no routes.
func readRoutes(text []byte) (r routes, reason string) {
	const what = "what it put into plugs"
	if len(text) == 0 {
		return nil, ""
	}
	if reason := unfit(what, text); reason != "" {
		return nil, reason
	}
	if err := json.Unmarshal(text, &r); err != nil || r == nil {
		return nil, what + " is not a JSON object"
	}
	return r, ""
}

// unknown gives the names that no RESULT plug has, sorted.
func (r routes) unknown(plugs []*messages.PlugTo) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if !slices.ContainsFunc(plugs, func(p *messages.PlugTo) bool { return p.Type == resultPlug && p.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}

// noted adds to a call's log that it named plugs that are not there. The log
// gives way, so that the note is not what is cut off.
func noted(log []byte, socket string, unknown []string) []byte {
	note := fmt.Sprintf("plugs: socket %s has no RESULT plug named %s\n", socket, strings.Join(unknown, ", "))
	note = note[:min(len(note), messages.MaxTraceback)]
	log = bytes.Clone(log[:min(len(log), messages.MaxLog-len(note)-1)])
	if len(log) > 0 && log[len(log)-1] != '\n' {
		log = append(log, '\n')
	}
	return append(log, note...)
}
