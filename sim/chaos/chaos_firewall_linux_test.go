//go:build e2e

package chaos

import (
	"errors"
	"fmt"
	"testing"

	"github.com/elasticcode/flow/sim/chaos/firewall"
)

// firewallShare is for what part of CHAOS_TIME a firewall is between the nodes,
// besides.
const firewallShare = 4

// TestChaosBehindAFirewall is TestChaos with each node in a network namespace of
// its own, and a firewall between them. It makes the namespaces itself: this
// program runs once more in one that nothing else is in.
func TestChaosBehindAFirewall(t *testing.T) {
	if !firewall.Inside() {
		err := firewall.Again(t.Context(), "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
		if errors.Is(err, firewall.ErrNotAllowed) {
			fmt.Printf("SKIPPED: cuts, losses and resets by a firewall: %v\n", err)
			t.Skip(err)
		}
		if err != nil {
			t.Fatalf("in its own network: %v", err)
		}
		return
	}
	wall, err := firewall.New(3, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	walled := wiring{
		place: func(w *Network) {
			w.Within = wall.Command
			w.Hosts = func(node int) (host, known string) { return wall.Host(node), wall.Host(node) }
		},
		between: func([]*Node) (wires, error) { return wall, nil },
	}
	lacking := map[string]string{"delay": "a firewall does not delay (TestChaos does, by programs between the nodes)"}
	newChaos(t, walled, lacking).run(chaosTime(t) / firewallShare)
}
