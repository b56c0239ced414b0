package node

import "testing"

// TestAPeerMayComeBeforeTheNodeIsOpen: others connect again at once to a node that was
// killed, while it opens one thing after the other.
func TestAPeerMayComeBeforeTheNodeIsOpen(t *testing.T) {
	n, err := New(Config{Data: t.TempDir(), CPUs: 1})
	if err != nil {
		t.Fatal(err)
	}
	n.stopping = t.Context()
	if n.removed("another") {
		t.Error("a node without a model knows that another was removed")
	}
}
