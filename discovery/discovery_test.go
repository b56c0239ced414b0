package discovery

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func describe(t *testing.T, name string) Options {
	return Options{Bind: "127.0.0.1", Describe: func(slot, port int) (Entry, error) {
		return Entry{Node: fmt.Sprintf("id-%s-%d", name, slot), Name: name, Gossip: net.JoinHostPort("127.0.0.1", strconv.Itoa(port+2))}, nil
	}}
}

func enter(t *testing.T, dir string, o Options) *Seat {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := Enter(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// die ends a seat as the end of its process does.
func (s *Seat) die() { s.lock.Close() }

func TestNodesThatStartTogetherFoundOneNetwork(t *testing.T) {
	dir := t.TempDir()
	const nodes = 5
	var all sync.WaitGroup
	var mu sync.Mutex
	slots, ports, founders := map[int]bool{}, map[int]bool{}, 0
	for i := range nodes {
		all.Go(func() {
			s := enter(t, dir, describe(t, fmt.Sprint(i)))
			founder, err := s.Claim(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			slots[s.Entry().Slot], ports[s.Entry().Port] = true, true
			if founder {
				founders++
			}
		})
	}
	all.Wait()
	if founders != 1 || len(slots) != nodes || len(ports) != nodes || !slots[0] || !slots[nodes-1] {
		t.Errorf("%d founders, slots %v, ports %v", founders, slots, ports)
	}
	live, err := Live(dir)
	if err != nil || len(live) != nodes {
		t.Fatalf("%d entries, %v", len(live), err)
	}
	for i, e := range live {
		if e.Slot != i || e.PID != os.Getpid() || e.Gossip == "" {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
}

func TestFounderThatDiesLetsTheNextOneClaim(t *testing.T) {
	dir := t.TempDir()
	a, b := enter(t, dir, describe(t, "a")), enter(t, dir, describe(t, "b"))
	claim := func(s *Seat, want bool) {
		t.Helper()
		if got, err := s.Claim(t.Context()); err != nil || got != want {
			t.Errorf("%s claims: %v, %v", s.Entry().Name, got, err)
		}
	}
	claim(a, true)
	claim(b, false)
	a.die()
	claim(b, true)
	if err := b.Update(func(e *Entry) { e.Network = "n" }); err != nil {
		t.Fatal(err)
	}
	c := enter(t, dir, describe(t, "c"))
	if others, err := c.Others(); err != nil || len(others) != 1 || others[0].Network != "n" {
		t.Errorf("c sees %v, %v", others, err)
	}
	if c.Entry().Slot != 0 {
		t.Errorf("c took slot %d, not the dead node's", c.Entry().Slot)
	}
	claim(c, false)
}

func TestRestartedMemberIsNoFounder(t *testing.T) {
	dir := t.TempDir()
	member := describe(t, "member")
	described := member.Describe
	member.Describe = func(slot, port int) (Entry, error) {
		e, err := described(slot, port)
		e.Network = "n"
		return e, err
	}
	enter(t, dir, member)
	fresh := enter(t, dir, describe(t, "fresh"))
	if founder, err := fresh.Claim(t.Context()); founder || err != nil {
		t.Errorf("beside a member a new node founds: %v, %v", founder, err)
	}
}

func TestGivenDirectoryIsListedAndNotJoined(t *testing.T) {
	dir := t.TempDir()
	o := describe(t, "given")
	o.Given = true
	given, plain := enter(t, dir, o), enter(t, dir, describe(t, "plain"))
	if given.Entry().Slot != NoSlot || plain.Entry().Slot != 0 || given.Entry().Port == plain.Entry().Port {
		t.Errorf("%+v, %+v", given.Entry(), plain.Entry())
	}
	if others, err := plain.Others(); err != nil || len(others) != 0 {
		t.Errorf("to join: %v, %v", others, err)
	}
	if live, err := Live(dir); err != nil || len(live) != 2 || live[1].Name != "given" {
		t.Errorf("live: %v, %v", live, err)
	}
	if founder, err := plain.Claim(t.Context()); !founder || err != nil {
		t.Errorf("beside a node with its own directory: %v, %v", founder, err)
	}
}

func TestTakenSlotAndPortAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	o := describe(t, "a")
	described := o.Describe
	o.Describe = func(slot, port int) (Entry, error) {
		if slot == 0 {
			return Entry{}, fmt.Errorf("node-0: %w", ErrTaken)
		}
		return described(slot, port)
	}
	if s := enter(t, dir, o).Entry(); s.Slot != 1 {
		t.Errorf("took slot %d", s.Slot)
	}
	// Whatever holds the ports, even the last of three, and for UDP alone.
	base := enter(t, dir, describe(t, "b")).Entry().Port
	if !free("127.0.0.1", base) {
		t.Fatalf("port %d was chosen and is not free", base)
	}
	udp, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", base+2))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if free("127.0.0.1", base) {
		t.Error("a port taken for UDP counts as free")
	}
}

// TestEntryEndsWithItsProcess: a killed process is not live, whatever its
// number is given to.
func TestEntryEndsWithItsProcess(t *testing.T) {
	if dir := os.Getenv("DISCOVERY_TEST_DIR"); dir != "" {
		enter(t, dir, describe(t, "child"))
		fmt.Println("entered")
		select {}
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestEntryEndsWithItsProcess$")
	child.Env = append(os.Environ(), "DISCOVERY_TEST_DIR="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	live, liveErr := Live(dir)
	child.Process.Kill()
	child.Wait()
	if err != nil || liveErr != nil || len(live) != 1 || live[0].PID != child.Process.Pid {
		t.Fatalf("child said %q, %v; live: %v, %v", line, err, live, liveErr)
	}
	if live, err := Live(dir); err != nil || len(live) != 0 {
		t.Errorf("after its death: %v, %v", live, err)
	}
}

func TestDirIsPrivate(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	dir, err := Dir()
	if err != nil || filepath.Base(dir) != "elasticflow" {
		t.Fatalf("%s, %v", dir, err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Dir(); err == nil {
		t.Error("a directory that others may read is used")
	}
	if live, err := Live(filepath.Join(dir, "none")); err != nil || len(live) != 0 {
		t.Errorf("no directory: %v, %v", live, err)
	}
}

func TestAddressThatIsNotOfThisMachineIsNamed(t *testing.T) {
	o := describe(t, "a")
	o.Bind = "192.0.2.1"
	_, err := Enter(t.Context(), t.TempDir(), o)
	if err == nil || !strings.Contains(err.Error(), "192.0.2.1") || !strings.Contains(err.Error(), "--bind") {
		t.Errorf("got %v", err)
	}
}
