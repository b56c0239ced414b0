package main

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestProc(t *testing.T) {
	s := newShell(t, processorIn(1))
	for _, c := range []struct{ line, action, status string }{
		{"proc stop proc1", "stop", "stopped"},
		{"proc start -n proc1", "start", "running"},
		{"proc pause --name proc1", "pause", "paused"},
		{"proc resume proc1", "resume", "running"},
		{"proc --id 00000000-0000-4000-8000-000000000001 restart", "restart", "running"},
	} {
		r := s.run(strings.Fields(c.line)...)
		if m := last[*messages.ControlRequest](t, s.fake); r.code != 0 || m.Action != c.action || !strings.Contains(r.err, c.status+" requested") {
			t.Errorf("%s: %v, exit %d, %s", c.line, m, r.code, r.err)
		}
	}
	complains(t, s.run("proc", "start"), 2, "say which one")
	complains(t, s.run("proc", "start", "proc9"), 3, "proc9")
	if r := s.run("proc", "remove", "proc1"); r.code != 0 || len(s.fake.objects) != 0 {
		t.Errorf("remove: %+v", r)
	}
}

func TestVerbsThatAreNotNeededSaySo(t *testing.T) {
	s := newShell(t, &fake{})
	for _, line := range []string{
		"db init", "db migrate", "--config", "-c", "agent start -p 8002 --clean", "web start", "api start", "worker", "login", "logout -x",
	} {
		r := s.run(strings.Fields(line)...)
		if r.code != 0 || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "nothing to do") {
			t.Errorf("%s: %+v", line, r)
		}
	}
	complains(t, s.run("db", "drop"), 2, "refused")
	complains(t, s.run("db", "rebuild", "--yes"), 2, "refused")
	if r := s.run("-d", "postgresql://x", "--broker", "y", "whoami"); r.code != 0 || r.out != "joe\n" || !strings.Contains(r.err, "ignored") {
		t.Errorf("%+v", r)
	}
}

func TestWhoamiAndVersion(t *testing.T) {
	s := newShell(t, &fake{})
	wants(t, s.run("whoami"), 0, "joe\n")
	wants(t, s.run("-u", "ann", "whoami"), 0, "ann\n")
	wants(t, s.run("whoami", "-o", "json"), 0, "{\n  \"user\": \"joe\"\n}\n")
	if r := s.run("version"); r.code != 0 || !strings.HasPrefix(r.out, "flowcli ") {
		t.Errorf("%+v", r)
	}
}

func TestMistypedWordsGetTheNearest(t *testing.T) {
	s := newShell(t, &fake{})
	for line, says := range map[string]string{
		"ad queue":                "did you mean flowcli add?",
		"add sokcet":              "did you mean flowcli add socket?",
		"ls cals":                 "did you mean flowcli ls call",
		"task rum":                "did you mean flowcli task run?",
		"add queue --nmae x":      "did you mean --name?",
		"add socket -pq x":        "did you mean -pn?",
		"ls queues -a x":          "for the global flag write --api",
		"publish q data":          "the data is given with -d",
		"frobnicate":              "see flowcli --help",
		"add queue -n":            "-n TEXT",
		"add":                     "it needs one of: argument, plug, processor, queue, socket",
		"task":                    "it needs one of: cancel, code, logs, result, run, show",
		"ls calls extra":          "it takes no such argument",
		"-o xml whoami":           "json, yaml or table",
		"ls calls -r ten":         "not a whole number",
		"task run -s x --timeout": "it needs a value",
	} {
		complains(t, s.run(strings.Fields(line)...), 2, "Error: ", says)
	}
}

func TestHelpStaysLongAndHostnameShort(t *testing.T) {
	s := newShell(t, &fake{})
	for _, line := range []string{"--help", "help", "-h", "add processor --help", "help add processor", "ls -h", "task run -h", "ls calls --help"} {
		r := s.run(strings.Fields(line)...)
		if r.code != 0 || r.err != "" || !strings.Contains(r.out, "Usage: flowcli") {
			t.Errorf("%s: %+v", line, r)
		}
	}
	if r := s.run("add", "processor", "--help"); !strings.Contains(r.out, "-h, --hostname TEXT") || !strings.Contains(r.out, "-cs, --cpus NUMBER") {
		t.Errorf("%s", r.out)
	}
	if r := s.run("help", "nothing"); r.code != 2 {
		t.Errorf("help nothing: %+v", r)
	}
}

func TestNoNode(t *testing.T) {
	s := newShell(t, &fake{})
	complains(t, s.run("-a", "127.0.0.1:1,127.0.0.1:2", "ls", "queues"), 5, "127.0.0.1:1", "127.0.0.1:2", "Hint: ")
	complains(t, s.run("ls", "queues", "--api", "nonsense"), 2, "nonsense", "it has no port")
	s.env = nil
	complains(t, s.run("ls", "queues"), 5, "none runs on this machine", "start one with `node`")
}

func TestTheNextNodeAnswers(t *testing.T) {
	s := newShell(t, processorIn(1))
	s.env["FLOW_API"] = "127.0.0.1:1, " + s.address
	if r := s.run("ls", "processors"); r.code != 0 || !strings.Contains(r.out, "proc1") {
		t.Errorf("%+v", r)
	}
}

func TestCompletion(t *testing.T) {
	f := socketIn()
	f.calls = append(f.calls, fakeCall(doThis, 1))
	s := newShell(t, f)
	for line, want := range map[string]string{
		"ls call |":                             f.calls[0].Id,
		"explain call --id |":                   f.calls[0].Id,
		"task logs |":                           f.calls[0].Id,
		"task cancel nothing|":                  ":4",
		"ls gates py|":                          doThis,
		"task run -s pyfi|":                     doThis,
		"task run --socket |":                   doThis,
		"add socket -n x -pn |":                 "proc1",
		"proc stop |":                           "proc1",
		"ls call -n py|":                        doThis,
		"proc stop -n |":                        "proc1",
		"update processor --name pr|":           "proc1",
		"ls socket -n py|":                      doThis,
		"listen -n pr|":                         "proc1",
		"listen -n x -c o|":                     "output",
		"-o j|":                                 "json",
		"ls nodes -o y|":                        "yaml",
		"run pyfi|":                             doThis,
		"add queue -t d|":                       "direct",
		"ls queu|":                              "queues",
		"add processor -h localhost -c 5 --gi|": "--gitrepo",
		"-a 127.0.0.1:1 proc stop |":            ":4", // nobody answers: nothing to offer
	} {
		words := strings.Split(strings.TrimSuffix(line, "|"), " ")
		r := s.run(append([]string{"__completeNoDesc"}, words...)...)
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%s: %+v", line, r)
		}
	}
	if r := s.run("completion", "bash"); r.code != 0 || !strings.Contains(r.out, "__complete") || !strings.Contains(r.out, ownWords) {
		t.Errorf("completion bash: exit %d, or it needs the bash-completion package", r.code)
	}
}

func TestEveryVerbHasHelpWithAnExample(t *testing.T) {
	c := newCLI(world{})
	for _, cmd := range everyCommand(newRoot(c)) {
		if cmd.Short == "" {
			t.Errorf("%s: it has no help", cmd.CommandPath())
		}
		if cmd.Example == "" && !cmd.HasSubCommands() {
			t.Errorf("%s: it has no example", cmd.CommandPath())
		}
	}
}

func TestFlagWithoutEffectIsTold(t *testing.T) {
	s := newShell(t, processorIn(1))
	if r := s.run("update", "processor", "-n", "proc1", "--detached", "true", "--concurrency", "3"); r.code != 0 || !strings.Contains(r.err, "--detached is kept, and has no effect yet") || strings.Contains(r.err, "--concurrency") {
		t.Errorf("%+v", r)
	}
}
