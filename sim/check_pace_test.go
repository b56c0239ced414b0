package sim

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestPlantedViolationsOfPaceAreFound(t *testing.T) {
	limited := done{1, 1, &messages.ConfigureSocket{Socket: "s", Ratelimit: "5/s"}, messages.Result{Reply: &messages.Reply{}}}
	at := func(now int64, call string) done {
		d := enqueued(started(call, "n/1", "0", 1))
		d.now = now
		return d
	}
	tick := func(nominal int64, refused bool) done {
		d := entryOf(&messages.FireSchedule{Socket: "s", Nominal: nominal}, &messages.Reply{})
		if refused {
			d.result = messages.Refused(messages.Errorf(messages.Conflict, "tick", "s", "it has ticked"))
		}
		return d
	}
	for _, c := range []struct {
		name, promise string
		log           []done
	}{
		{"in time", "", []done{limited, at(1_000_000, "a"), at(1_200_000, "b"), tick(5, false), tick(6, false), tick(6, true)}},
		{"too early", promisePace, []done{limited, at(1_000_000, "a"), at(1_100_000, "b")}},
		{"a tick twice", promiseTicks, []done{tick(5, false), tick(5, false)}},
		{"a tick after a later one", promiseTicks, []done{tick(5, false), tick(4, false)}},
	} {
		broken := checkPace(c.log)
		if want := c.promise != ""; (len(broken) == 1) != want || want && broken[0].Promise != c.promise {
			t.Errorf("%s: found %v, want one of %q", c.name, broken, c.promise)
		}
	}
}
