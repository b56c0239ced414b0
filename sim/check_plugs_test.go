package sim

import "testing"

// ran is a run of a diamond that was kept right, after the clean history: A
// leads to B and C, and both to D; an error of B leads to E.
var ran = []string{
	"clients: plug ab RESULT a b - -",
	"clients: plug ac RESULT a c - -",
	"clients: plug bd RESULT b d one tracking",
	"clients: plug cd RESULT c d two tracking",
	"clients: plug be ERROR b e - -",
	"clients: caused A A a finished - - -",
	"clients: caused A B b finished ab A -",
	"clients: caused A C c finished ac A -",
	"clients: caused A D d finished bd B,C -",
	"clients: caused F F a finished - - -",
	"clients: caused F G b failed ab F -",
	"clients: caused F H c finished ac F -",
	"clients: caused F I e finished be G -",
}

func TestFlowsThatKeptTheirPromisesAreClean(t *testing.T) {
	if v := Check(told(append(ran[:13:13], kept...)...)); len(v) > 0 {
		t.Fatalf("found %v", v)
	}
}

func TestPlantedViolationsOfFlowsAreFound(t *testing.T) {
	without := func(i int) []string { return append(ran[:i:i], ran[i+1:]...) }
	with := func(i int, line string) []string { return append(append(ran[:i:i], line), ran[i+1:]...) }
	for _, c := range []struct {
		name, promise string
		lines         []string
	}{
		{"a plug fires twice", promisePlugs, append(ran[:13:13], "clients: caused A X b cancelled ab A -")},
		{"a plug does not fire", promisePlugs, without(12)},
		{"a plug for errors fires after a result", promisePlugs, append(ran[:13:13], "clients: caused A X e finished be B -")},
		{"an arrival is joined twice", promiseGates, append(ran[:13:13], "clients: caused A X d finished bd B -")},
		{"a full gate makes no call", promiseGates, without(8)},
		{"a call in the middle does not end", promiseLive, with(8, "clients: caused A D d running bd B,C -")},
	} {
		found := Check(told(append(c.lines, kept...)...))
		if len(found) == 0 || found[0].Promise != c.promise {
			t.Errorf("%s: found %v, want one of %q", c.name, found, c.promise)
		}
	}
}
