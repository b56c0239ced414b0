package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestAdaptorGetsEachMessage(t *testing.T) {
	t.Chdir(t.TempDir())
	code := "class Sink:\n    def __init__(self):\n        self.n = 0\n\n    def take(self, message):\n        self.n += 1\n        print(self.n, message['state'])\n\n\ndef plain(message):\n    print(message['state'])\n"
	if err := os.WriteFile("sinks.py", []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"sinks.Sink.take": "1 received\n2 running\n", "sinks.plain": "received\nrunning\n"} {
		var out, errs bytes.Buffer
		a, err := startAdaptor(t.Context(), path, &out, &errs)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range []string{"received", "running"} {
			if err := a.take([]byte(`{"state": "` + state + `"}`)); err != nil {
				t.Error(err)
			}
		}
		a.close()
		if out.String() != want {
			t.Errorf("%s printed %q, want %q; %s", path, out.String(), want, errs.String())
		}
	}
}

func TestAdaptorThatIsNotThereSaysSo(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	a, err := startAdaptor(t.Context(), "nowhere.Sink.take", &out, &errs)
	if err != nil {
		t.Fatal(err)
	}
	a.close()
	if !strings.Contains(errs.String(), "there is no such module") {
		t.Errorf("it said %q", errs.String())
	}
}

func TestNoticeHasTheNamesOfTheReference(t *testing.T) {
	n := noticeOf(&messages.Notice{Channel: "task", State: "postrun", Room: "pyfi.queue1.proc1", Call: "id", Message: `"x"`})
	if n.Channel != "task" || n.Room != "pyfi.queue1.proc1" || n.Resultkey != "id" || n.Message != `"x"` {
		t.Errorf("notice %+v", n)
	}
}
