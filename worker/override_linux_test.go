package worker

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestOverrideRunsInTheModulesNamespace(t *testing.T) {
	env := module(t, "secret = 7\ndef one(): return 1\ndef two(): return one()\n")
	env.Overrides = []*messages.Override{{Function: "one", Code: "def one():\n    return secret"}, {Function: "bad", Code: "def bad():\n    raise ValueError(two())"}}
	s := startIn(t, launcher(t, Limits{}), env)
	expect[Ready](s)
	for _, function := range []string{"one", "two"} {
		if d := s.call(function); string(d.Result) != "7" {
			t.Errorf("%s gives %s, %v", function, d.Result, d.Failure)
		}
	}
	d := s.call("bad")
	if d.Failure.GetMessage() != "7" || !strings.Contains(d.Failure.GetTraceback(), "code of bad") || !strings.Contains(d.Failure.GetTraceback(), "raise ValueError(two())") {
		t.Errorf("it failed with %v", d.Failure)
	}
}
