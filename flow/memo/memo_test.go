package memo

import "testing"

func TestAValueIsKnownWhileItIsTheSame(t *testing.T) {
	var m Memo[string, int]
	m.Add("a", []byte("one"), 1)
	if n, ok := m.Of("a", []byte("one")); !ok || n != 1 {
		t.Errorf("what was added is %d, %v", n, ok)
	}
	if _, ok := m.Of("a", []byte("two")); ok {
		t.Error("another value is taken for what it was before")
	}
	if _, ok := (*Memo[string, int])(nil).Of("a", nil); ok {
		t.Error("none knows something")
	}
}

func TestWhatIsAskedForStays(t *testing.T) {
	var m Memo[int, int]
	for n := range 10 * most {
		m.Add(n, []byte("value"), n)
		if _, ok := m.Of(0, []byte("value")); !ok {
			t.Fatalf("the first is forgotten after %d others, though it is asked for all the time", n)
		}
	}
	if n := len(m.young) + len(m.old); n > 2*most {
		t.Errorf("%d are remembered, and %d are the most", n, 2*most)
	}
	if _, ok := m.Of(1, []byte("value")); ok {
		t.Error("what nobody asked for is remembered for good")
	}
}

func TestWhatIsLargeIsNotRemembered(t *testing.T) {
	var m Memo[int, int]
	for n, size := range []int{largest, largest + 1} {
		value := make([]byte, size)
		m.Add(n, value, n)
		if _, ok := m.Of(n, value); ok != (size <= largest) {
			t.Errorf("a value of %d bytes is remembered: %v", size, ok)
		}
	}
}
