package twin

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/elasticcode/flow/messages"
)

// Flow is what a simulated network is made of, and what is done with it: the
// functions that the code has, processors, sockets and plugs, and the calls
// that clients send. docs/SIMULATION.md says what people may write.
type Flow struct {
	Functions  []Function  `json:"functions" yaml:"functions"`
	Processors []Processor `json:"processors" yaml:"processors"`
	Queues     []Queue     `json:"queues" yaml:"queues"` // besides the one that sockets are on that name none
	Sockets    []Socket    `json:"sockets" yaml:"sockets"`
	Plugs      []Plug      `json:"plugs" yaml:"plugs"`
	Calls      []Calls     `json:"calls" yaml:"calls"`
	Pause      Duration    `json:"pause" yaml:"pause"`       // the longest between two calls of a caller
	Changers   int         `json:"changers" yaml:"changers"` // that change and read the model at the same time
}

// Function is one in every module. It gives back its name and its arguments,
// like join(a,b).
type Function struct {
	Name  string   `json:"name" yaml:"name"`
	Takes []string `json:"takes" yaml:"takes"`
	Time  Duration `json:"time" yaml:"time"`   // the longest that it takes
	Fails float64  `json:"fails" yaml:"fails"` // share of attempts that raise an error
}

// Processor runs the functions.
type Processor struct {
	Name        string   `json:"name" yaml:"name"`
	Concurrency int32    `json:"concurrency" yaml:"concurrency"`
	Retries     int32    `json:"retries" yaml:"retries"`
	RetryDelay  Duration `json:"retry_delay" yaml:"retry_delay"`
	TimeLimit   Duration `json:"time_limit" yaml:"time_limit"` // of an attempt; 0: none
}

// Queue is what sockets are on; what is published to it goes to all of them.
type Queue struct {
	Name string   `json:"name" yaml:"name"`
	TTL  Duration `json:"ttl" yaml:"ttl"` // a call that has not started by then expires; 0: none does
}

// Socket stands before a function.
type Socket struct {
	Name      string `json:"name" yaml:"name"`
	Processor string `json:"processor" yaml:"processor"`
	Function  string `json:"function" yaml:"function"`
	Wait      bool   `json:"wait" yaml:"wait"`
	Ordered   bool   `json:"ordered" yaml:"ordered"`
	Correlate string `json:"correlate" yaml:"correlate"`

	Queue     string   `json:"queue" yaml:"queue"`         // empty: one that all of those share
	Ratelimit string   `json:"ratelimit" yaml:"ratelimit"` // like 5/s; empty: none
	Every     Duration `json:"every" yaml:"every"`         // it is called by a schedule, whole seconds apart; 0: it is not
}

// Plug links two sockets.
type Plug struct {
	Name     string `json:"name" yaml:"name"`
	From     string `json:"from" yaml:"from"`
	To       string `json:"to" yaml:"to"`
	Argument string `json:"argument" yaml:"argument"`
	Type     string `json:"type" yaml:"type"` // RESULT or ERROR; empty: RESULT
}

// Calls are one way to call: callers choose among all by their shares.
type Calls struct {
	Socket string `json:"socket" yaml:"socket"`
	Share  int    `json:"share" yaml:"share"`
	Batch  int    `json:"batch" yaml:"batch"`   // so many calls at once; 0: one
	Cancel bool   `json:"cancel" yaml:"cancel"` // each is cancelled soon after it was sent

	Publish string `json:"publish" yaml:"publish"` // in place of a socket: a queue, to all sockets of which it goes
}

// Duration is written like 20ms.
type Duration time.Duration

// UnmarshalText reads what people write.
func (d *Duration) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	*d = Duration(t)
	return err
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Most that a flow may have, of each kind.
const (
	maxParts = 1000
	maxTime  = time.Minute
	maxBatch = 1000

	maxChangers = 10
)

// Validate says what is wrong with a flow.
func (f *Flow) Validate() error {
	if n := len(f.Functions) + len(f.Processors) + len(f.Sockets) + len(f.Plugs) + len(f.Calls); n > maxParts {
		return fmt.Errorf("the flow has %d parts: at most %d are allowed", n, maxParts)
	}
	if f.Changers < 0 || f.Changers > maxChangers {
		return fmt.Errorf("the flow has %d changers: want 0 to %d", f.Changers, maxChangers)
	}
	if len(f.Calls) == 0 {
		return fmt.Errorf("the flow has no calls: name at least one socket that is called")
	}
	functions, processors, sockets := map[string]Function{}, map[string]bool{}, map[string]bool{}
	for _, x := range f.Functions {
		if x.Name == "" || x.Fails < 0 || x.Fails > 1 || x.Time < 0 || time.Duration(x.Time) > maxTime {
			return fmt.Errorf("function %q: want a name, fails from 0 to 1, and a time up to %s", x.Name, maxTime)
		}
		functions[x.Name] = x
	}
	for _, p := range f.Processors {
		if p.Name == "" || p.Concurrency < 1 {
			return fmt.Errorf("processor %q: want a name, and a concurrency of at least 1", p.Name)
		}
		processors[p.Name] = true
	}
	queues := map[string]bool{"": true}
	for _, q := range f.Queues {
		if q.Name == "" || q.TTL < 0 {
			return fmt.Errorf("queue %q: want a name, and a time to live that is not negative", q.Name)
		}
		queues[q.Name] = true
	}
	for _, s := range f.Sockets {
		if !queues[s.Queue] || s.Every < 0 || time.Duration(s.Every)%time.Second != 0 {
			return fmt.Errorf("socket %q: want a queue that the flow has, not %q, and whole seconds between ticks", s.Name, s.Queue)
		}
		if _, ok := functions[s.Function]; !ok || s.Name == "" || !processors[s.Processor] {
			return fmt.Errorf("socket %q: want a name, a processor and a function that the flow has, not %q and %q", s.Name, s.Processor, s.Function)
		}
		sockets[s.Name] = true
	}
	for _, p := range f.Plugs {
		if !sockets[p.From] || !sockets[p.To] || p.Name == "" || p.Type != "" && p.Type != "RESULT" && p.Type != "ERROR" {
			return fmt.Errorf("plug %q: want a name, sockets that the flow has, not %q and %q, and the type RESULT or ERROR, not %q", p.Name, p.From, p.To, p.Type)
		}
	}
	for _, c := range f.Calls {
		if c.Publish != "" {
			if !queues[c.Publish] || c.Share < 1 || c.Socket != "" || c.Batch != 0 || c.Cancel {
				return fmt.Errorf("what is published to %q: want a queue that the flow has, a share of at least 1, and neither a socket, nor a batch, nor cancels", c.Publish)
			}
			continue
		}
		if !sockets[c.Socket] || c.Share < 1 || c.Batch < 0 || c.Batch > maxBatch || c.Cancel && c.Batch > 0 {
			return fmt.Errorf("calls of %q: want a socket that the flow has, a share of at least 1, batches up to %d, and of those none that are cancelled", c.Socket, maxBatch)
		}
	}
	return nil
}

// flowVariable is the environment variable in which the host gives machines
// their flow.
const flowVariable = "SIM_FLOW"

// Environment is the variable, and its value, by which machines know the flow.
func (f *Flow) Environment() (name, value string) {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err) // texts and numbers have a JSON form
	}
	return flowVariable, string(b)
}

// OwnFlow is the flow that the host gave this machine.
func OwnFlow() *Flow {
	f := &Flow{}
	if err := json.Unmarshal([]byte(os.Getenv(flowVariable)), f); err != nil {
		panic(fmt.Sprintf("read the flow: %v", err))
	}
	return f
}

// function finds one by its name.
func (f *Flow) function(name string) (Function, bool) {
	for _, x := range f.Functions {
		if x.Name == name {
			return x, true
		}
	}
	return Function{}, false
}

// Result is what the function before a socket gives back for arguments.
func (f *Flow) Result(socket string, arguments ...string) string {
	for _, s := range f.Sockets {
		if s.Name == socket {
			return s.Function + "(" + strings.Join(arguments, ",") + ")"
		}
	}
	return ""
}

// Slots is how many CPU slots the processors want.
func (f *Flow) Slots() (n int) {
	for _, p := range f.Processors {
		n += int(p.Concurrency)
	}
	return n
}

// Leads says whether calls of a socket lead to others.
func (f *Flow) Leads(socket string) bool {
	return slices.ContainsFunc(f.Plugs, func(p Plug) bool { return p.From == socket })
}

// Correlates says what arrivals at a socket's gate must have in common.
func (f *Flow) Correlates(socket string) string {
	for _, s := range f.Sockets {
		if s.Name == socket {
			return s.Correlate
		}
	}
	return ""
}

// signatures are the functions as the source tells them.
func (f *Flow) signatures() (all []*messages.Function) {
	for _, x := range f.Functions {
		s := &messages.Function{Name: x.Name, Source: fmt.Sprintf("def %s(%s): ...", x.Name, strings.Join(x.Takes, ", "))}
		for _, name := range x.Takes {
			s.Parameters = append(s.Parameters, &messages.Parameter{Name: name, Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD})
		}
		all = append(all, s)
	}
	return all
}

// bind puts a call's arguments in the order of the parameters.
func (x Function) bind(a *messages.Arguments) ([]string, error) {
	values := map[string]string{}
	for i, v := range a.GetPositional() {
		if i >= len(x.Takes) {
			return nil, fmt.Errorf("%s takes %d arguments, not %d", x.Name, len(x.Takes), len(a.GetPositional()))
		}
		values[x.Takes[i]] = plain(v)
	}
	for _, n := range a.GetNamed() {
		values[n.GetName()] = plain(n.GetValue())
	}
	var bound []string
	for _, name := range x.Takes {
		v, ok := values[name]
		if !ok {
			return nil, fmt.Errorf("%s lacks %s", x.Name, name)
		}
		bound = append(bound, v)
	}
	return bound, nil
}

// plain is a text without its quotes, and any other value as it is.
func plain(value []byte) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// On gives the sockets that are on a queue.
func (f *Flow) On(queue string) (names []string) {
	for _, s := range f.Sockets {
		if s.Queue == queue {
			names = append(names, s.Name)
		}
	}
	return names
}
