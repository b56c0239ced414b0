package memo

import "testing"

func TestANumberedValueIsTakenOnceWhileItIsTheSame(t *testing.T) {
	var m Numbered[int]
	if _, ok := m.Take(0, nil); ok {
		t.Error("one that is empty knows something")
	}
	m.Add(7, []byte("one"), 1)
	for _, other := range []struct {
		number uint64
		value  string
	}{{7, "two"}, {7 + places, "one"}, {8, "one"}, {8, ""}} {
		if _, ok := m.Take(other.number, []byte(other.value)); ok {
			t.Errorf("%d, %q is known, and was never added", other.number, other.value)
		}
	}
	if n, ok := m.Take(7, []byte("one")); !ok || n != 1 {
		t.Errorf("what was added is %d, %v", n, ok)
	}
	if _, ok := m.Take(7, []byte("one")); ok {
		t.Error("what was taken is given again")
	}
}

func TestNeighboursAreRemembered(t *testing.T) {
	var m Numbered[int]
	for n := range 3 * places {
		m.Add(uint64(n), []byte("value"), n)
	}
	for n := range 3 * places {
		what, ok := m.Take(uint64(n), []byte("value"))
		if want := n >= 2*places; ok != want || ok && what != n {
			t.Fatalf("number %d of %d: %d, %v", n, 3*places, what, ok)
		}
	}
	m.Add(1, make([]byte, largest+1), 1)
	if _, ok := m.Take(1, make([]byte, largest+1)); ok {
		t.Error("a large value is remembered")
	}
}
