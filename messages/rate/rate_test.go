package rate

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Limit{
		"": {}, "10/s": {10, 1_000_000}, "100/m": {100, 60_000_000}, "1000/h": {1000, 3_600_000_000}, "1000000/s": {1_000_000, 1_000_000},
	} {
		if got, err := Parse(text); got != want || err != nil {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for text, why := range map[string]string{
		"10": "not understood", "10/d": "not understood", "/s": "not understood", "-1/s": "not understood", "1.5/s": "not understood",
		"10/s/s": "not understood", " 10/s": "not understood", "0/s": "nothing run", "1000001/h": "over the bound", "99999999999999999999/s": "over the bound",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q is refused with %v, want …%s…", text, err, why)
		}
	}
}

func TestEach(t *testing.T) {
	for limit, want := range map[Limit]time.Duration{
		{5, 1_000_000}: 200 * time.Millisecond, {3, 1_000_000}: 333_333_334, {1_000_000, 1_000_000}: time.Microsecond, {1, 3_600_000_000}: time.Hour,
	} {
		if got := limit.Each(); got != want {
			t.Errorf("one of %v lasts %s, want %s", limit, got, want)
		}
	}
}
