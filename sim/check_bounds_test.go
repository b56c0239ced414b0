package sim

import "testing"

func TestPlantedViolationsOfBoundsAreFound(t *testing.T) {
	ran := []string{"n1: booted", "n1: cpus 2", "n1: began X1 1", "n1: began X2 1", "n1: done X1 1 OK", "n1: began X3 1", "n1: left X2 1", "n1: memory 1000000"}
	if broken := checkBounds(told(ran...)); len(broken) > 0 {
		t.Fatalf("found %v", broken)
	}
	for _, c := range []struct {
		name, promise string
		lines         []string
	}{
		{"a third call on two CPUs", promiseCPUs, append(ran[:6:6], "n1: began X4 1")},
		{"too much memory", promiseMemory, append(ran[:7:7], "n1: memory 1000000000")},
	} {
		if broken := checkBounds(told(c.lines...)); len(broken) != 1 || broken[0].Promise != c.promise {
			t.Errorf("%s: found %v, want one of %q", c.name, broken, c.promise)
		}
	}
}
