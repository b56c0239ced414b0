package firewall

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// tools are the programs that a Wall runs.
var tools = []string{"ip", "nft", "nsenter"}

// route makes this namespace a router.
func route() error {
	if err := run("link set lo up\n", "ip", "-batch", "-"); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

// add makes the namespace of a node, and the way to it.
func (w *Wall) add(node int) error {
	f, err := space()
	if err != nil {
		return err
	}
	w.spaces = append(w.spaces, f)
	here := fmt.Sprintf("link add to%d type veth peer name eth0 netns %s\naddr add %s/24 dev to%[1]d\nlink set to%[1]d up\n", node, w.path(node), gate(node))
	if err := run(here, "ip", "-batch", "-"); err != nil {
		return err
	}
	there := fmt.Sprintf("link set lo up\naddr add %s/24 dev eth0\nlink set eth0 up\nroute add default via %s\n", w.Host(node), gate(node))
	program, args := w.Command(node, "ip", "-batch", "-")
	return run(there, program, args...)
}

// space makes a network namespace, which lasts as long as the file is open.
func space() (f *os.File, err error) {
	made := make(chan struct{})
	go func() {
		defer close(made)
		runtime.LockOSThread() // and never unlocked: the thread is in the namespace, and ends here
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			f, err = os.Open("/proc/thread-self/ns/net")
		}
	}()
	<-made
	return f, err
}

// lay puts the rules in force, all at once; the lock is held.
func (w *Wall) lay() error {
	var b strings.Builder
	b.WriteString("table ip chaos\ndelete table ip chaos\ntable ip chaos {\ncounter refused {\n}\nchain ways {\ntype filter hook forward priority 0; policy accept\n")
	ways := maps.Clone(w.refused) // and those with a rule
	for way := range w.rules {
		ways[way] = true
	}
	for way := range ways {
		match := fmt.Sprintf("ip saddr %s ip daddr %s", w.Host(way.from), w.Host(way.to))
		r := w.rules[way]
		switch {
		case r.Cut:
			fmt.Fprintf(&b, "%s drop\n", match)
		case r.Loss > 0:
			fmt.Fprintf(&b, "%s numgen random mod 1000 < %d drop\n", match, int(1000*r.Loss))
		}
		if w.refused[way] {
			fmt.Fprintf(&b, "%s meta l4proto tcp counter name refused reject with tcp reset\n", match)
		}
	}
	b.WriteString("}\n}\n")
	return run(b.String(), "nft", "-f", "-")
}

// count is how many packets were refused since the rules were laid.
func count() (n int, err error) {
	out, err := exec.Command("nft", "list", "counter", "ip", "chaos", "refused").Output()
	if err != nil {
		return 0, fmt.Errorf("count what was refused: %w", err)
	}
	_, found, _ := strings.Cut(string(out), "packets ")
	if _, err := fmt.Sscan(found, &n); err != nil {
		return 0, fmt.Errorf("count what was refused in %q: %w", out, err)
	}
	return n, nil
}

func run(input, program string, args ...string) error {
	c := exec.Command(program, args...)
	c.Stdin = strings.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
