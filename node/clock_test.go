package node

import (
	"strings"
	"testing"
	"time"
)

func TestAClockThatIsOffIsTroubleUntilItIsRight(t *testing.T) {
	var c clock
	for _, step := range []struct {
		ahead time.Duration
		known bool
		want  string
	}{
		{1900 * time.Millisecond, true, ""},
		{3 * time.Second, false, ""}, // too few others to tell
		{3200 * time.Millisecond, true, "its clock is 3.2s ahead of the others'"},
		{9 * time.Second, true, "its clock is 3.2s ahead"}, // not told anew each second
		{1500 * time.Millisecond, true, "its clock is 3.2s ahead"},
		{-900 * time.Millisecond, true, ""},
		{-2100 * time.Millisecond, true, "its clock is 2.1s behind the others'"},
		{-2100 * time.Millisecond, false, ""},
	} {
		got := c.look(step.ahead, step.known)
		if (got == "") != (step.want == "") || !strings.HasPrefix(got, step.want) {
			t.Errorf("%v ahead (known: %v): %q, want %q", step.ahead, step.known, got, step.want)
		}
	}
}
