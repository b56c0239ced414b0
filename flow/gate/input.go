// Package gate keeps what a socket holds while some of its arguments have
// arrived and others have not.
package gate

import (
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// Input is one thing that must arrive before a call forms.
type Input struct {
	Key      string // the argument's name; with wait the id of a plug
	Argument string // the name of what it fills; empty: it is passed by position
	Plug     string // with wait: the plug's name
	byPlace  bool
}

// Inputs gives what must arrive at a socket for a call to form, in the order of
// the function's arguments, with wait in that of the plugs. None: it is not
// gated, and what arrives becomes a call at once.
//
// Without wait these are the arguments that plugs target, and all others that
// have no default. A plug that names no argument targets the first.
func Inputs(c *messages.ConfigureSocket) []Input {
	if c.Wait {
		return ofPlugs(c)
	}
	named := slices.ContainsFunc(c.Incoming, func(p *messages.PlugFrom) bool { return p.Argument != "" })
	if !named {
		return nil
	}
	var targeted []string
	for _, p := range c.Incoming {
		if argument := target(c, p.Argument); !slices.Contains(targeted, argument) {
			targeted = append(targeted, argument)
		}
	}
	var inputs []Input
	for _, p := range c.Parameters {
		at := slices.Index(targeted, p.Name)
		if at >= 0 {
			targeted = slices.Delete(targeted, at, at+1)
		}
		if at >= 0 && !(p.HasDefault && plant.On(plant.DefaultJoined)) || required(p) {
			inputs = append(inputs, Input{Key: p.Name, Argument: p.Name, byPlace: p.Kind == messages.ArgumentKind_POSITIONAL_ONLY})
		}
	}
	for _, argument := range targeted { // taken by **kwargs, or by *args
		inputs = append(inputs, Input{Key: argument, Argument: argument, byPlace: argument == ""})
	}
	return inputs
}

func ofPlugs(c *messages.ConfigureSocket) (inputs []Input) {
	for i, p := range c.Incoming {
		in := Input{Key: p.Plug, Plug: p.Name, byPlace: true}
		if i < len(c.Parameters) && !variable(c.Parameters[i]) {
			in.Argument = c.Parameters[i].Name
		}
		inputs = append(inputs, in)
	}
	return inputs
}

func variable(p *messages.Parameter) bool {
	return p.Kind == messages.ArgumentKind_VAR_POSITIONAL || p.Kind == messages.ArgumentKind_VAR_KEYWORD
}

func required(p *messages.Parameter) bool { return !p.HasDefault && !variable(p) }

// target is the argument that a plug delivers: the first, if it names none. An
// empty one is passed by position.
func target(c *messages.ConfigureSocket, argument string) string {
	if argument != "" || len(c.Parameters) == 0 || variable(c.Parameters[0]) {
		return argument
	}
	return c.Parameters[0].Name
}

// ForPlug gives the input that a plug's message fills.
func ForPlug(c *messages.ConfigureSocket, inputs []Input, plug, argument string) (Input, bool) {
	want := plug
	if !c.Wait {
		want = target(c, argument)
	}
	return find(inputs, func(in Input) bool { return in.Key == want })
}

// ForName gives the input that a client means: by the argument's name, or with
// wait by the plug's.
func ForName(inputs []Input, name string) (Input, bool) {
	if in, ok := find(inputs, func(in Input) bool { return in.Argument == name && name != "" }); ok {
		return in, true
	}
	return find(inputs, func(in Input) bool { return in.Plug == name && name != "" })
}

func find(inputs []Input, is func(Input) bool) (Input, bool) {
	if i := slices.IndexFunc(inputs, is); i >= 0 {
		return inputs[i], true
	}
	return Input{}, false
}

// Shown is the input's name for people.
func (in Input) Shown() string {
	switch {
	case in.Plug != "":
		return "plug " + in.Plug
	case in.Argument != "":
		return in.Argument
	}
	return "the first argument"
}

// Shown gives the names of inputs for people.
func Shown(inputs []Input) string {
	names := make([]string, len(inputs))
	for i, in := range inputs {
		names[i] = in.Shown()
	}
	return strings.Join(names, ", ")
}

// Arguments gives the arguments of the call that one arrival for each input makes.
func Arguments(inputs []Input, arrivals []*messages.Arrival) *messages.Arguments {
	a := new(messages.Arguments)
	for i, in := range inputs {
		if in.byPlace {
			a.Positional = append(a.Positional, arrivals[i].Value)
		} else {
			a.Named = append(a.Named, &messages.NamedValue{Name: in.Argument, Value: arrivals[i].Value})
		}
	}
	slices.SortFunc(a.Named, func(x, y *messages.NamedValue) int { return strings.Compare(x.Name, y.Name) })
	return a
}

// Single gives the arguments of a call that one message makes by itself.
func Single(argument string, value []byte) *messages.Arguments {
	if argument == "" {
		return &messages.Arguments{Positional: [][]byte{value}}
	}
	return &messages.Arguments{Named: []*messages.NamedValue{{Name: argument, Value: value}}}
}

// Given gives the arguments that an arrival would be a call with.
func Given(a *messages.Arrival) *messages.Arguments {
	if a.Arguments != nil {
		return a.Arguments
	}
	return Single(a.Argument, a.Value)
}

// Limit is how many arrivals an input holds before it is full.
func Limit(c *messages.ConfigureSocket) uint64 {
	if c.MaxLength > 0 && c.MaxLength < messages.MaxGate {
		return uint64(c.MaxLength)
	}
	return messages.MaxGate
}

// DeadLetters says that what comes to a full gate becomes a dead letter, rather
// than that the sockets before it are held back.
func DeadLetters(c *messages.ConfigureSocket) bool { return c.Overflow == "dead_letter" }
