package discovery

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// FirstPort is the base port of the first node on a machine. A node uses its
// base port for the API, the next for peers, and the one after for gossip.
const (
	FirstPort   = 7460
	portStep    = 10
	maxAttempts = 200
)

func choosePort(live []Entry, slot int, o Options) (int, error) {
	if o.Port != 0 {
		return o.Port, nil
	}
	if l, err := net.Listen("tcp", net.JoinHostPort(o.Bind, "0")); err != nil {
		return 0, fmt.Errorf("listen at %s: %w; give an address of this machine with --bind", o.Bind, err)
	} else {
		l.Close()
	}
	// A node that comes back to its slot gets its old port, if it can.
	for n := range maxAttempts {
		port := FirstPort + (slot+n)*portStep
		taken := slices.ContainsFunc(live, func(e Entry) bool { return e.Port == port })
		if !taken && free(o.Bind, port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no three free ports at %s from %d on; choose one with --port", o.Bind, FirstPort)
}

// free says whether a base port and the two after it can be listened on.
func free(bind string, base int) bool {
	for port := base; port < base+3; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort(bind, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		l.Close()
	}
	p, err := net.ListenPacket("udp", net.JoinHostPort(bind, strconv.Itoa(base+2)))
	if err != nil {
		return false
	}
	p.Close()
	return true
}
