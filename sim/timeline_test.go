package sim

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"
)

// TestTimelineShowsTheRun wants a picture that can be read, with all lanes, the
// leader, the crash, the event, and the way of the call that the promise names.
func TestTimelineShowsTheRun(t *testing.T) {
	id := "0193a1b2-c3d4-7abc-9def-0123456789ab"
	r := &Result{Script: []Event{{At: time.Second, Kind: faultPartition, Node: 1, For: 3 * time.Second}},
		History:    told("n1: booted", "n2: booted", "clients: prepared", "n1: leading 1 2", "clients: accepted c0-0 "+id, "n1: began "+id+" 1", "n1: killed", "n2: leading 1 3"),
		Violations: []Violation{{promiseLive, 8e9, "call " + id + " has not ended <yet>"}}}
	svg := Timeline(Options{Nodes: 2, For: 30 * time.Second}, r)
	for _, want := range []string{">n1<", ">n2<", ">clients<", "leads group 1", "killed", faultPartition, "polyline", ">began<", "has not ended"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %q:\n%s", want, svg)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v:\n%s", err, svg)
		}
	}
}
