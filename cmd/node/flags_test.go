package main

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/node"
)

// noEnvironment is one without FLOW_ variables.
func noEnvironment(string) (string, bool) { return "", false }

func environment(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}
}

func TestFlagsBecomeTheConfig(t *testing.T) {
	o, err := parse(strings.Fields("--data d --port 7500 --bind 127.0.0.2 --advertise host --join a:1,b:2 --join c:3 --expect 3 --partitions 5 --cpus 4 "+
		"--name n --key k --log-store bolt --insecure --runtime r --python p --pprof 127.0.0.1:1 --feature-level 0"), noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	c := o.config
	if !slices.Equal(c.Join, []string{"a:1", "b:2", "c:3"}) || c.Logger == nil {
		t.Errorf("join %v, logger %v", c.Join, c.Logger)
	}
	c.Join, c.Logger = nil, nil
	want := node.Config{Data: "d", Port: 7500, Bind: "127.0.0.2", Advertise: "host", Expect: 3, Partitions: 5, CPUs: 4, Name: "n", Key: "k",
		LogStore: "bolt", Insecure: true, Runtime: "r", Python: "p", Pprof: "127.0.0.1:1", FeatureLevel: "0"}
	if !same(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// same compares what flags can set.
func same(a, b node.Config) bool {
	return a.Data == b.Data && a.Port == b.Port && a.Bind == b.Bind && a.Advertise == b.Advertise && a.Expect == b.Expect &&
		a.Partitions == b.Partitions && a.CPUs == b.CPUs && a.Name == b.Name && a.Key == b.Key && a.LogStore == b.LogStore && a.Insecure == b.Insecure &&
		a.Runtime == b.Runtime && a.Python == b.Python && a.Pprof == b.Pprof && a.FeatureLevel == b.FeatureLevel
}

func TestEnvironmentSetsFlagsAndTheCommandLineWins(t *testing.T) {
	env := environment(map[string]string{"FLOW_LOG_STORE": "bolt", "FLOW_CPUS": "7", "FLOW_JOIN": "a:1,b:2", "FLOW_INSECURE": "true", "FLOW_NAME": ""})
	o, err := parse([]string{"--cpus", "2"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if c := o.config; c.LogStore != "bolt" || c.CPUs != 2 || len(c.Join) != 2 || !c.Insecure || c.Name != "" {
		t.Errorf("got %+v", c)
	}
}

func TestHelpTellsOfEachFlag(t *testing.T) {
	out := captured(t, func() {
		if _, err := parse([]string{"--help"}, noEnvironment); !errors.Is(err, pflag.ErrHelp) {
			t.Errorf("--help gave %v", err)
		}
	})
	for _, flag := range []string{"data", "port", "bind", "advertise", "join", "expect", "cpus", "name", "key", "log-store", "snapshot-bytes", "log-level", "log-format", "insecure"} {
		if !strings.Contains(out, "--"+flag+" ") {
			t.Errorf("--help does not tell of --%s", flag)
		}
	}
}

func TestBadFlagsAreRefusedInAClearSentence(t *testing.T) {
	for line, want := range map[string]string{
		"--prt 1":            "--prt: no such flag; did you mean --port?",
		"--zzzzzzzzzz":       "--zzzzzzzzzz: no such flag",
		"--port abc":         "--port abc: must be a whole number",
		"--insecure=perhaps": "--insecure perhaps: must be true or false",
		"start":              `"start": node takes flags only`,
		"--log-level loud":   "--log-level loud: must be debug, info, warn or error",
		"--log-format xml":   "--log-format xml: must be text or json",
	} {
		if _, err := parse(strings.Fields(line), noEnvironment); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "strconv") {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	_, err := parse(nil, environment(map[string]string{"FLOW_CPUS": "many"}))
	if err == nil || err.Error() != "FLOW_CPUS=many: must be a whole number" {
		t.Errorf("FLOW_CPUS=many: %v", err)
	}
}

func TestExitCodes(t *testing.T) {
	for line, want := range map[string]int{
		"--version": 0, "--help": 0,
		"--prt 1": 2, "--port 70000": 2, "--partitions 65": 2, "--cpus -1": 2, "--log-store paper": 2, "--bind 0.0.0.0": 2, "--expect 3": 2, "--key short": 2,
	} {
		var code int
		out := captured(t, func() { code = run(strings.Fields(line)) })
		if code != want {
			t.Errorf("%s: exit code %d, want %d", line, code, want)
		}
		if want == 2 && (!strings.Contains(out, strings.Fields(line)[0]) || !strings.Contains(out, "node --help")) {
			t.Errorf("%s: said %q", line, out)
		}
	}
}

// captured gives what f writes to stdout and stderr.
func captured(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	f()
	w.Close()
	return <-text
}
