package sim

import "testing"

// operated is a run whose operations on the model are linearizable, after the
// clean history: the update without an answer was made, and seen, before the
// delete; the list of 7 sees what the create of 5 made while it went on.
var operated = []string{
	"clients: op 1 create m", "clients: did 1 ok",
	"clients: op 2 create m", "clients: did 2 taken",
	"clients: op 3 update m", "clients: did 3 unknown DEADLINE",
	"clients: op 4 get m", "clients: did 4 ok 1",
	"clients: op 5 get m", "clients: did 5 ok 3",
	"clients: op 6 delete m", "clients: did 6 ok",
	"clients: op 7 list m", "clients: op 8 create m", "clients: did 7 ok 8", "clients: did 8 ok",
	"clients: op 9 update n", "clients: did 9 absent",
	"clients: own X0 true",
	"clients: op 10 create n",
}

func TestOperationsInSomeOrderAreClean(t *testing.T) {
	if broken := Check(told(append(operated[:len(operated):len(operated)], kept...)...)); len(broken) > 0 {
		t.Fatalf("found %v", broken)
	}
}

func TestPlantedViolationsOfTheModelAreFound(t *testing.T) {
	with := func(lines ...string) []string { return append(operated[:len(operated):len(operated)], lines...) }
	for _, c := range []struct {
		name, promise string
		lines         []string
	}{
		{"an old value is read", promiseModel, with("clients: op 11 update m", "clients: did 11 ok", "clients: op 12 get m", "clients: did 12 ok 8")},
		{"a change is lost", promiseModel, with("clients: op 11 delete m", "clients: did 11 ok", "clients: op 12 get m", "clients: did 12 ok 8")},
		{"what was made is not listed", promiseModel, with("clients: op 11 list m", "clients: did 11 absent")},
		{"a name is given twice", promiseModel, with("clients: op 11 create m", "clients: did 11 ok")},
		{"a name is refused that is free", promiseModel, with("clients: op 11 delete n", "clients: did 11 ok", "clients: op 12 update n", "clients: did 12 ok", "clients: op 13 create m", "clients: did 13 ok")},
		{"values go back", promiseModel, with("clients: op 11 update m", "clients: op 12 get m", "clients: did 12 ok 11", "clients: op 13 get m", "clients: did 13 ok 8", "clients: did 11 ok")},
		{"a client does not see its own call", promiseOwn, with("clients: own X0 false")},
	} {
		broken := Check(told(append(c.lines, kept...)...))
		if len(broken) != 1 || broken[0].Promise != c.promise {
			t.Errorf("%s: found %v, want one of %q", c.name, broken, c.promise)
		}
	}
}
