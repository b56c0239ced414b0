package gossip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func start(t *testing.T, id string, boot uint64, network string, change ...func(*Config)) *Membership {
	t.Helper()
	config := Config{Bind: "127.0.0.1", Node: &messages.NodeInfo{Id: id, Name: "node " + id, Boot: boot, Cpus: 2}, NetworkID: network}
	for _, c := range change {
		c(&config)
	}
	m, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.kill(); m.stop.Do(func() {}) })
	return m
}

// kill ends a member as SIGKILL would: its sockets close, nobody is told.
func (m *Membership) kill() {
	m.cancel()
	m.wait.Wait()
	m.list.Shutdown()
}

func join(t *testing.T, m *Membership, to ...*Membership) {
	t.Helper()
	for _, other := range to {
		if err := m.Join(t.Context(), other.Address()); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until m's members satisfy want.
func eventually(t *testing.T, m *Membership, limit time.Duration, what string, want func(map[string]Member) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	changed := m.Subscribe()
	for {
		by := map[string]Member{}
		for _, member := range m.Members() {
			by[member.Info.GetId()] = member
		}
		if want(by) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("after %v not yet: %s: %v", limit, what, by)
		}
	}
}

func alive(ids ...string) func(map[string]Member) bool {
	return func(by map[string]Member) bool {
		n := 0
		for _, m := range by {
			if m.Alive {
				n++
			}
		}
		for _, id := range ids {
			if !by[id].Alive {
				return false
			}
		}
		return n == len(ids)
	}
}

// TestSeedsThatComeLaterAreJoinedAtOnce: a node that is started again learns
// from its own disk whom it belongs to, and must not be left to itself for long
// after it has looked in vain elsewhere.
func TestSeedsThatComeLaterAreJoinedAtOnce(t *testing.T) {
	var seeds atomic.Pointer[[]string]
	seeds.Store(&[]string{"127.0.0.1:1"})
	a := start(t, "a", 1, "n", func(c *Config) { c.Seeds = func() []string { return *seeds.Load() } })
	b := start(t, "b", 1, "n")
	a.Seek()
	seeds.Store(&[]string{b.Address()})
	began := time.Now()
	a.Seek()
	eventually(t, b, 5*time.Second, "a has joined", alive("a", "b"))
	t.Logf("joined after %v", time.Since(began))

	b.kill()
	eventually(t, a, 10*time.Second, "b is dead", alive("a"))
	again := start(t, "b", 2, "n", func(c *Config) { _, port, _ := net.SplitHostPort(b.Address()); c.Port, _ = strconv.Atoi(port) })
	eventually(t, a, time.Second, "b is found again without a word from it", alive("a", "b"))
	eventually(t, again, time.Second, "both", alive("a", "b"))
}

func TestDeathIsSeenSoonAndReturnAtOnce(t *testing.T) {
	a, b, c := start(t, "a", 1, "n"), start(t, "b", 1, "n"), start(t, "c", 1, "n")
	join(t, b, a)
	join(t, c, a)
	for _, m := range []*Membership{a, b, c} {
		eventually(t, m, 5*time.Second, "three members", alive("a", "b", "c"))
	}
	c.kill()
	killed := time.Now()
	for _, m := range []*Membership{a, b} {
		eventually(t, m, 3*time.Second, "c is dead", alive("a", "b"))
	}
	t.Logf("the death was seen after %v", time.Since(killed))

	b.kill()
	again := start(t, "b", 2, "n") // before anybody has seen its death, at other ports
	join(t, again, a)
	eventually(t, a, time.Second, "b is back", func(by map[string]Member) bool {
		return by["b"].Alive && by["b"].Info.GetBoot() == 2 && by["b"].Info.GetGossipAddress() == again.Address()
	})
}

func TestLeaveIsSeenAtOnce(t *testing.T) {
	a, b := start(t, "a", 1, "n"), start(t, "b", 1, "n")
	join(t, b, a)
	eventually(t, a, 5*time.Second, "two members", alive("a", "b"))
	b.Close()
	eventually(t, a, time.Second, "b has left", alive("a"))
}

func TestOtherNetworksAreRefusedBothWays(t *testing.T) {
	var log buffer
	logged := func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
	a, b := start(t, "a", 1, "red", logged), start(t, "b", 1, "blue")
	err := b.Join(t.Context(), a.Address())
	if !errors.Is(err, messages.Denied) || !strings.Contains(err.Error(), "belongs to network red, this is network blue") {
		t.Errorf("joining another network: %v", err)
	}
	err = a.Join(t.Context(), b.Address())
	if !errors.Is(err, messages.Denied) || !strings.Contains(err.Error(), "belongs to network blue, this is network red") {
		t.Errorf("joining another network: %v", err)
	}
	for _, m := range []*Membership{a, b} {
		if n := len(m.Members()); n != 1 {
			t.Errorf("%s has %d members", m.Address(), n)
		}
	}
	if !strings.Contains(log.String(), "refused a node of another network") || !strings.Contains(log.String(), "its_network=blue") {
		t.Errorf("the log does not tell: %s", log.String())
	}
}

// TestJoinerDoesNotBridgeTwoNetworks: a node without a network has met one, and
// must not bring its members to another.
func TestJoinerDoesNotBridgeTwoNetworks(t *testing.T) {
	a, b, joiner := start(t, "a", 1, "red"), start(t, "b", 1, "blue"), start(t, "j", 1, "")
	join(t, joiner, a)
	if err := joiner.Join(t.Context(), b.Address()); !errors.Is(err, messages.Denied) {
		t.Errorf("the second network: %v", err)
	}
	eventually(t, a, 5*time.Second, "the joiner", alive("a", "j"))
	if n := len(b.Members()); n != 1 {
		t.Errorf("the other network has %d members", n)
	}
}

func TestNetworkIsToldWhenItIsKnown(t *testing.T) {
	a, b := start(t, "a", 1, ""), start(t, "b", 1, "")
	join(t, b, a)
	if err := a.UpdateMeta(&messages.NodeInfo{Id: "a", Name: "node a", Boot: 1, PeerAddress: "127.0.0.1:9"}, "n"); err != nil {
		t.Fatal(err)
	}
	if err := b.SetVote("a"); err != nil {
		t.Fatal(err)
	}
	if err := a.SetFeatureLevel(7); err != nil {
		t.Fatal(err)
	}
	eventually(t, a, 5*time.Second, "the vote", func(by map[string]Member) bool { return by["b"].Vote == "a" && by["b"].Info.GetCpus() == 2 })
	eventually(t, b, 5*time.Second, "the network", func(by map[string]Member) bool {
		m := by["a"]
		return m.NetworkID == "n" && m.FeatureLevel == 7 && m.Info.GetPeerAddress() == "127.0.0.1:9" && m.Info.GetGossipAddress() == a.Address()
	})
}

func TestGossipKeys(t *testing.T) {
	key := func(b byte) func(*Config) {
		return func(c *Config) { c.Key = bytes.Repeat([]byte{b}, 32) }
	}
	a, friend := start(t, "a", 1, "n", key(1)), start(t, "b", 1, "n", key(1))
	join(t, friend, a)
	eventually(t, a, 5*time.Second, "the friend", alive("a", "b"))
	for name, m := range map[string]*Membership{"other key": start(t, "c", 1, "n", key(2)), "no key": start(t, "d", 1, "n")} {
		if err := m.Join(t.Context(), a.Address()); !errors.Is(err, messages.Denied) || !strings.Contains(err.Error(), "--key") {
			t.Errorf("%s joins: %v", name, err)
		}
		if !errors.Is(m.Refusal(), messages.Denied) {
			t.Errorf("%s: the refusal is %v", name, m.Refusal())
		}
		if err := a.Join(t.Context(), m.Address()); !errors.Is(err, messages.Denied) {
			t.Errorf("%s is joined: %v", name, err)
		}
	}
	if _, err := New(Config{Bind: "127.0.0.1", Node: &messages.NodeInfo{Id: "x"}, Key: []byte("short")}); !errors.Is(err, messages.Invalid) {
		t.Errorf("a short key: %v", err)
	}
}

func TestSeedsAreSought(t *testing.T) {
	a := start(t, "a", 1, "n")
	b := start(t, "b", 1, "n", func(c *Config) { c.Seeds = func() []string { return []string{a.Address()} } })
	eventually(t, b, 5*time.Second, "the seed", alive("a", "b"))
}

func TestDescriptionIsBounded(t *testing.T) {
	_, err := New(Config{Bind: "127.0.0.1", Node: &messages.NodeInfo{Id: "x", Name: strings.Repeat("n", 600)}})
	if !errors.Is(err, messages.Invalid) {
		t.Errorf("got %v", err)
	}
}
