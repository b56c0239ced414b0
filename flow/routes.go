package flow

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/messages"
)

// The types of plugs.
const (
	resultPlug = "RESULT"
	errorPlug  = "ERROR"
)

// routes is what a function sent to plugs itself, by their names. Empty: it did
// not route, and its result goes to all of them.
type routes []*messages.NamedValue

func (r routes) of(plug string) (value []byte, named bool) {
	for _, v := range r {
		if v.Name == plug {
			return v.Value, true
		}
	}
	return nil, false
}

// unfit says why the values cannot be sent.
func (r routes) unfit() string {
	for _, v := range r {
		if reason := unfit("what it put into plugs for "+call.Cut(v.Name, messages.MaxName), v.Value); reason != "" {
			return reason
		}
	}
	return ""
}

// unknown gives the names that no RESULT plug has.
func (r routes) unknown(plugs []*messages.PlugTo) (names []string) {
	for _, v := range r {
		if !slices.ContainsFunc(plugs, func(p *messages.PlugTo) bool { return p.Type == resultPlug && p.Name == v.Name }) {
			names = append(names, v.Name)
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
