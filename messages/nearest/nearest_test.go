package nearest_test

import (
	"testing"

	"github.com/elasticcode/flow/messages/nearest"
)

func TestNameIsTheSlip(t *testing.T) {
	names := []string{"queue", "processor", "socket", "-n", "-pn"}
	for word, want := range map[string]string{"quue": "queue", "prcoessor": "processor", "sockets": "socket", "xyz": "", "-z": "", "": ""} {
		if got := nearest.Name(word, names); got != want {
			t.Errorf("Name(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistanceCountsSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"queue", "quue", 1}, {"queue", "qeuue", 1}, {"né", "ne", 1}, {"kitten", "sitting", 3}} {
		if got, back := nearest.Distance(c.a, c.b), nearest.Distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("from %q to %q: %d, back %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
