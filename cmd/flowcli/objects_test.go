package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
)

const repo = "https://example.org/pyfi-processors"

// processorIn is a fake network with one processor in it.
func processorIn(concurrency int32) *fake {
	f := &fake{}
	f.add(&messages.Object{Name: "proc1", Kind: messages.Kind_KIND_PROCESSOR, Owner: "joe", Status: "running", RequestedStatus: "running",
		Spec: &messages.Object_Processor{Processor: &messages.Processor{Gitrepo: repo, Module: "pyfi.processors.sample", Concurrency: concurrency,
			ResolvedCommit: "0123456789abcdef0123456789abcdef01234567", Password: "secret"}}})
	return f
}

func TestEveryFlagOfAProcessor(t *testing.T) {
	s := newShell(t, &fake{})
	requirements := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(requirements, []byte("numpy\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.run("add", "processor", "-n", "p", "-g", repo, "-m", "my.module", "-h", "node2", "-w", "3", "-r", "4", "-c", "abc123f",
		"-rs", "stopped", "-b", "-br", "develop", "-p", "pw", "-rq", requirements, "-e", "/api", "-a", "true", "-cs", "3", "-mp", "src/module.py",
		"--retry-delay", "2", "--timelimit", "90s", "--ratelimit", "10/s", "--use_container", "no")
	if r.code != 0 {
		t.Fatal(r.err)
	}
	o := last[*messages.CreateRequest](t, s.fake).Object
	p := o.GetProcessor()
	if o.RequestedStatus != "stopped" || p.Hostname != "node2" || p.Concurrency != 3 || p.Retries != 4 || p.Commit != "abc123f" ||
		!p.Beat || p.Branch != "develop" || p.Password != "pw" || p.Requirements != "numpy\n" || p.Endpoint != "/api" || !p.Hasapi ||
		p.Modulepath != "src/module.py" || p.Retrydelay != 2000 || p.Timelimit != 90_000 || p.Ratelimit != "10/s" || p.UseContainer {
		t.Errorf("processor: %v", o)
	}
}

func TestConcurrencyIsOneThing(t *testing.T) {
	for line, want := range map[string]int32{
		"":                              1,
		"-c 5":                          5,
		"-w 5":                          5,
		"-cs 5":                         5,
		"--concurrency 5":               5,
		"-c 5 -w 5":                     5,
		"-c 5 --commit 123 -cs 5 -w 05": -1, // 05 is 5
		"-c 5 -w 6":                     -1,
		"-cs 2 --concurrency 3":         -1,
		"-w 0":                          -1,
		"-w -1":                         -1,
		"-w many":                       -1,
		"-c 1000":                       1, // four digits: a commit
	} {
		if strings.Contains(line, "05") {
			want = 5
		}
		s := newShell(t, &fake{})
		r := s.run(append([]string{"add", "processor", "p", "-g", repo, "-m", "m"}, strings.Fields(line)...)...)
		if want < 0 {
			complains(t, r, 2, "flowcli add processor")
			if len(s.fake.asked) > 0 {
				t.Errorf("%s: something was sent", line)
			}
			continue
		}
		if r.code != 0 {
			t.Errorf("%s: %s", line, r.err)
			continue
		}
		if got := last[*messages.CreateRequest](t, s.fake).Object.GetProcessor().Concurrency; got != want {
			t.Errorf("%s: concurrency %d, want %d", line, got, want)
		}
		if told := strings.Contains(r.err, "is read as --concurrency"); told != strings.HasPrefix(line, "-c 5") {
			t.Errorf("%s: stderr is %q", line, r.err)
		}
	}
}

func TestAddSocketRaisesTheConcurrency(t *testing.T) {
	for _, c := range []struct {
		has, wants, gets int32
		conflicts        int
	}{{1, 5, 5, 0}, {5, 8, 8, 2}, {8, 5, 8, 0}} {
		f := processorIn(c.has)
		f.conflicts = c.conflicts
		s := newShell(t, f)
		r := s.run("add", "socket", "-n", "x", "-q", "q", "-pn", "proc1", "-t", "do_this", "-c", string(rune('0'+c.wants)))
		p, _ := f.find(messages.Kind_KIND_PROCESSOR, "proc1")
		if got := p.GetProcessor().Concurrency; r.code != 0 || got != c.gets {
			t.Errorf("from %d, asked for %d: %d, %s", c.has, c.wants, got, r.err)
		}
	}
}

func TestAddNeedsItsFields(t *testing.T) {
	s := newShell(t, &fake{})
	complains(t, s.run("add", "queue"), 2, "say which one")
	complains(t, s.run("add", "processor", "-n", "p"), 2, "-g/--gitrepo and -m/--module")
	complains(t, s.run("add", "socket", "-n", "p", "-q", "q"), 2, "-pn/--processor and -t/--task")
	complains(t, s.run("add", "queue", "-n", "q", "-t", "star"), 2, `--type "star"`, "direct, fanout, topic")
	complains(t, s.run("add", "queue", "-n", "q", "--message-ttl", "soon"), 2, `--message-ttl "soon"`, "500ms")
	complains(t, s.run("add", "processor", "-n", "p", "-g", "g", "-m", "m", "-rq", "/does/not/exist"), 2, "/does/not/exist", "no such file")
	complains(t, s.run("add", "processor", "-n", "p", "-g", "g", "-m", "m", "-d", "-rs", "stopped"), 2, "contradict")
	complains(t, s.run("add", "processor", "-n", "p", "-g", "g", "-m", "m", "--api", "127.0.0.1:80"), 2, "true or false")
	complains(t, s.run("add", "queue", "one", "two"), 2, "two")
	complains(t, s.run("add", "queue", "one", "-n", "two"), 2, "one at a time")
	if len(s.fake.asked) > 0 {
		t.Errorf("something was sent: %v", s.fake.asked)
	}
}

func TestWhatTheSystemMakesIsExplained(t *testing.T) {
	s := newShell(t, &fake{})
	for _, line := range []string{
		"add node -n x --cpus 4", "add agents", "add worker", "add deployment -n x", "add task x", "add call",
		"update agent", "update worker", "update deployment", "update arguments", "update call",
		"delete agent", "delete worker -n x", "delete deployment", "delete task", "delete argument", "delete calls",
	} {
		complains(t, s.run(strings.Fields(line)...), 2, "by hand", "Hint: ")
	}
}

// TestAddArgumentPutsAPlugOnIt: the argument itself is in the code.
func TestAddArgumentPutsAPlugOnIt(t *testing.T) {
	f := &fake{}
	plug := f.add(&messages.Object{Name: "plug1", Kind: messages.Kind_KIND_PLUG, Spec: &messages.Object_Plug{Plug: &messages.Plug{Type: "RESULT"}}})
	s := newShell(t, f)
	if r := s.run("add", "argument", "-n", "two", "--plug", "plug1"); r.code != 0 || !strings.Contains(r.out, ":plug1:") {
		t.Errorf("exit code %d, %q, %q", r.code, r.out, r.err)
	}
	if got := plug.GetPlug().Argument; got != "two" {
		t.Errorf("the plug is on %q", got)
	}
	complains(t, s.run("add", "argument", "-n", "two"), 2, "--plug", "signature")
	complains(t, s.run("add", "argument", "-n", "two", "--plug", "nope"), 3, "nope")
}

func TestUpdateSendsOnlyWhatIsGiven(t *testing.T) {
	s := newShell(t, processorIn(1))
	r := s.run("update", "processor", "proc1", "-w", "8", "-rs", "paused", "-h", "")
	if r.code != 0 {
		t.Fatal(r.err)
	}
	m := last[*messages.UpdateRequest](t, s.fake)
	slices.Sort(m.Fields)
	if want := []string{"processor.concurrency", "processor.hostname", "requested_status"}; !slices.Equal(m.Fields, want) || m.Name != "proc1" {
		t.Errorf("update of %s: %v", m.Name, m.Fields)
	}
	p, _ := s.fake.find(messages.Kind_KIND_PROCESSOR, "proc1")
	if p.GetProcessor().Concurrency != 8 || p.RequestedStatus != "paused" || p.GetProcessor().Gitrepo != repo {
		t.Errorf("processor: %v", p)
	}
	complains(t, s.run("update", "processor", "proc1"), 2, "nothing to change")
	complains(t, s.run("update", "queue", "nowhere", "--durable", "false"), 3, "nowhere")
	complains(t, s.run("update", "socket", "x", "-t", "other"), 2, "no such flag")
}

func TestDelete(t *testing.T) {
	s := newShell(t, processorIn(1))
	r := s.run("delete", "processor", "proc1", "--force")
	if r.code != 0 || !strings.Contains(r.out, ":proc1:") || !last[*messages.DeleteRequest](t, s.fake).Force {
		t.Errorf("%+v", r)
	}
	complains(t, s.run("delete", "processor", "proc1"), 3, "there is no such processor")
	complains(t, s.run("delete", "node", "node9"), 3, "node9")
}

func TestTables(t *testing.T) {
	f := processorIn(5)
	p := f.objects[0]
	p.GetProcessor().Shortfall = 2
	p.Message = "2 slots are missing: no node has a free CPU"
	q := f.add(&messages.Object{Name: "pyfi.queue1", Kind: messages.Kind_KIND_QUEUE, Owner: "joe", Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct", MessageTtl: 3000}}})
	n := f.add(&messages.Object{Name: "node1", Kind: messages.Kind_KIND_NODE, Owner: "joe", Status: "up", Enabled: true, Spec: &messages.Object_Node{Node: &messages.Node{Hostname: "host1", Cpus: 4, ApiAddress: "127.0.0.1:7460", Version: "1.0"}}})
	task := f.add(&messages.Object{Name: "pyfi.processors.sample.do_this", Kind: messages.Kind_KIND_TASK, Owner: "joe", Spec: &messages.Object_Task{Task: &messages.Task{Processor: p.Id, Module: "pyfi.processors.sample", Function: "do_this"}}})
	f.add(&messages.Object{Name: "message", Kind: messages.Kind_KIND_ARGUMENT, Owner: "joe", Spec: &messages.Object_Argument{Argument: &messages.Argument{Task: task.Id, Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD}}})
	f.add(&messages.Object{Name: "pyfi.processors.sample.do_this", Kind: messages.Kind_KIND_SOCKET, Owner: "joe", Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: p.Id, Queue: q.Id, Task: task.Id, Function: "do_this"}}})
	f.add(&messages.Object{Name: "node1", Kind: messages.Kind_KIND_AGENT, Owner: "joe", Status: "up", Spec: &messages.Object_Agent{Agent: &messages.Agent{Node: n.Id, Hostname: "host1", Cpus: 4, Pid: 812}}})
	f.add(&messages.Object{Name: "proc1@node1", Kind: messages.Kind_KIND_DEPLOYMENT, Owner: "joe", Status: "running", Spec: &messages.Object_Deployment{Deployment: &messages.Deployment{Processor: p.Id, Node: n.Id, Hostname: "host1", Cpus: 3, Running: 3}}})
	f.add(&messages.Object{Name: "proc1@node1/0", Kind: messages.Kind_KIND_WORKER, Owner: "joe", Status: "running", Spec: &messages.Object_Worker{Worker: &messages.Worker{Processor: p.Id, Node: n.Id, Process: 913, Commit: "0123456789abcdef"}}})
	s := newShell(t, f)
	for _, line := range []string{
		"ls queues", "ls processors", "ls sockets", "ls nodes", "ls agents", "ls workers", "ls deployments", "ls tasks", "ls arguments",
		"ls processor -n proc1", "ls queues -r 1 -p 1", "node ls", "network", "db json",
		"-o json ls queue -n pyfi.queue1", "-o yaml ls sockets", "ls processors -o json", "-o json network",
	} {
		r := s.run(strings.Fields(line)...)
		if r.code != 0 || r.err != "" {
			t.Errorf("%s: exit %d, %s", line, r.code, r.err)
		}
		if strings.Contains(r.out, "secret") {
			t.Errorf("%s shows a password", line)
		}
		golden(t, strings.NewReplacer(" ", "_", "-", "").Replace(line)+".txt", r.out)
	}
	complains(t, s.run("ls", "queue", "-n", "nowhere"), 3, "nowhere")
	if singular := s.run("ls", "queue"); singular.out != s.run("ls", "queues").out {
		t.Errorf("ls queue is not ls queues: %s", singular.out)
	}
}

// systemFields are fields of specs that people cannot set, and why.
var systemFields = map[string]string{
	"queue.partition":           "chosen by the network",
	"queue.unused_since":        "noted by the network",
	"processor.resolved_commit": "what the branch led to",
	"processor.partition":       "chosen by the network",
	"processor.shortfall":       "measured",
	"processor.restarted":       "noted by the network",
	"processor.overrides":       "set by task code, function by function",
	"processor.serving":         "what runs until new code has started",
	"processor.proven":          "measured",
	"processor.given_up":        "measured",
	"socket.task":               "follows from processor and function",
	"plug.processor":            "follows from the source",
	"plug.added":                "noted by the network",
	"socket.partition":          "chosen by the network",
	"socket.deleting":           "follows from delete",
	"socket.schedule_paused":    "set by schedule pause and resume",
}

func TestEveryFieldHasAFlag(t *testing.T) {
	for _, thing := range things() {
		if thing.notAdded != "" || thing.kind == messages.Kind_KIND_UNSPECIFIED || thing.kind == messages.Kind_KIND_ARGUMENT {
			continue // made by the network, or no object, or read from the code
		}
		flags := map[string]bool{}
		for _, f := range thing.fields {
			flags[f.path] = true
		}
		spec := (&messages.Object{}).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(thing.name))
		fields := spec.Message().Fields()
		for i := range fields.Len() {
			path := thing.name + "." + string(fields.Get(i).Name())
			if flags[path] == (systemFields[path] != "") {
				t.Errorf("%s: it needs either a flag or a reason why people cannot set it", path)
			}
		}
	}
}

func TestEveryFieldCanBeSet(t *testing.T) {
	samples := map[form]string{asText: "x", asWhole: "3", asBoolean: "true", asSwitch: "true", asSeconds: "3", asMillis: "3", asInterval: "3"}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	samples[asTextFile] = file
	for _, thing := range things() {
		for _, f := range thing.fields {
			sample := samples[f.form]
			if f.form == asChoice {
				sample = f.choices[len(f.choices)-1]
			}
			value, object := f.value(), &messages.Object{Kind: thing.kind}
			if err := value.Set(sample); err != nil {
				t.Errorf("%s: %v", f.path, err)
				continue
			}
			if err := set(object, f.path, value); err != nil {
				t.Errorf("%s: %v", f.path, err)
			}
		}
	}
}

// TestNetworkThatDoesNotServeIsNoSuccess: what can be shown is shown, and the
// exit code and stderr say what is wrong, and as whom it is seen.
func TestNetworkThatDoesNotServeIsNoSuccess(t *testing.T) {
	f := socketIn()
	f.add(&messages.Object{Name: "node2", Kind: messages.Kind_KIND_NODE, Status: "up", Enabled: true, Spec: &messages.Object_Node{Node: &messages.Node{}}})
	f.problem = "it has no majority: 2 of 3 voters of partition 1 cannot be reached: node2, node3"
	s := newShell(t, f)
	r := s.run("network")
	if r.code != 5 || !strings.Contains(r.out, "unreachable") {
		t.Errorf("exit %d with %s", r.code, r.out)
	}
	for _, word := range []string{"partition 1", "cannot be reached: node2, node3", "as node node1 sees it", "2.5s ago", "Hint: start these nodes again"} {
		if !strings.Contains(r.err, word) {
			t.Errorf("stderr lacks %q: %s", word, r.err)
		}
	}
	if r := s.run("-o", "json", "network"); r.code != 5 || !strings.Contains(r.out, `"unreachable"`) {
		t.Errorf("exit %d with %s", r.code, r.out)
	}
}

func TestNodeSaysWhatKeepsItFromItsFullPart(t *testing.T) {
	f := socketIn()
	f.add(&messages.Object{Name: "node2", Kind: messages.Kind_KIND_NODE, Status: "up", Message: "its clock is 3s ahead of the others': it leads no group", Spec: &messages.Object_Node{Node: &messages.Node{}}})
	s := newShell(t, f)
	for _, verb := range [][]string{{"node", "ls"}, {"network"}} {
		if r := s.run(verb...); !strings.Contains(r.out, "up, disabled: its clock is 3s ahead") {
			t.Errorf("%v: %s", verb, r.out)
		}
	}
}
