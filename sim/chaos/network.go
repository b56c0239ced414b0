// Package chaos drives the shipped binaries: it starts nodes as processes,
// kills them, and looks at what is left.
package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/elasticcode/flow/sim/chaos/disk"
)

// Network is a set of node processes on loopback, with their data below one
// directory and a runtime directory of their own, so that they meet nobody else.
type Network struct {
	Bin   string // directory with node and flowcli
	Dir   string // everything is below it
	Nodes []*Node
	// Hosts, when set before Add, says where a node listens, and where the others
	// reach it: something may stand between them. Otherwise that is 127.0.0.1.
	Hosts func(node int) (host, known string)
	// Within, when set before Add, is the command that starts a program in a node's
	// own network namespace, in which all ports are free.
	Within func(node int, program string, args ...string) (string, []string)
}

const (
	loopback = "127.0.0.1"
	ownPort  = 7460 // of a node that has a namespace to itself
)

// Node is one node process, running or not.
type Node struct {
	Name  string
	Bin   string // directory with its program
	Data  string
	Host  string // it listens there
	Known string // the others reach it there
	Port  int
	Flags []string // besides --name, --data, --bind, --advertise, --port, --runtime
	// Discover: the node is told neither its data directory nor whom to join,
	// and finds both in the runtime directory.
	Discover bool
	// Disk, when set before Start, records what the process makes durable.
	Disk  *disk.Image
	net   *Network
	index int

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

// New lays out a network of n nodes below dir; none is started. The first node
// founds the network, the others join it. flags go to each node.
func New(bin, dir string, n int, flags ...string) (*Network, error) {
	w := &Network{Bin: bin, Dir: dir}
	for i := range n {
		if _, err := w.Add("n"+strconv.Itoa(i+1), flags...); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Add lays out one more node, which joins the first one.
func (w *Network) Add(name string, flags ...string) (*Node, error) {
	host, known, port := loopback, loopback, ownPort
	if w.Hosts != nil {
		host, known = w.Hosts(len(w.Nodes))
	}
	if w.Within == nil {
		var err error
		if port, err = freePorts(host, w.ports()); err != nil {
			return nil, err
		}
	}
	node := &Node{index: len(w.Nodes), Name: name, Bin: w.Bin, Data: filepath.Join(w.Dir, name), Host: host, Known: known, Port: port, net: w, Flags: flags}
	if len(w.Nodes) > 0 {
		node.Flags = append(append([]string(nil), flags...), "--join", w.Nodes[0].GossipAddress())
	}
	w.Nodes = append(w.Nodes, node)
	return node, nil
}

func (w *Network) ports() map[int]bool {
	taken := map[int]bool{}
	for _, n := range w.Nodes {
		taken[n.Port] = true
	}
	return taken
}

// freePorts finds three free ports in a row.
func freePorts(host string, taken map[int]bool) (int, error) {
	for range 200 {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			return 0, err
		}
		base := l.Addr().(*net.TCPAddr).Port
		l.Close()
		free := base < 65000
		for p := base - 2; p <= base+2; p++ {
			free = free && !taken[p]
		}
		for p := base; free && p <= base+2; p++ {
			l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, p))
			if err != nil {
				free = false
				break
			}
			l.Close()
		}
		if free {
			return base, nil
		}
	}
	return 0, fmt.Errorf("find three free ports in a row: none in 200 tries")
}

// Address is where the node serves its API.
func (n *Node) Address() string { return fmt.Sprintf("%s:%d", n.Host, n.Port) }

// GossipAddress is what others are told to join.
func (n *Node) GossipAddress() string { return fmt.Sprintf("%s:%d", n.Known, n.Port+2) }

// Addresses are those of all nodes.
func (w *Network) Addresses() []string {
	var out []string
	for _, n := range w.Nodes {
		out = append(out, n.Address())
	}
	return out
}

// Start starts the process; its log goes to NAME.log below Dir.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		return fmt.Errorf("start node %s: it runs", n.Name)
	}
	log, err := os.OpenFile(n.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	program, args := filepath.Join(n.Bin, "node"), n.flags()
	if n.net.Within != nil {
		program, args = n.net.Within(n.index, program, args...)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+n.net.Dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if n.Disk != nil {
		return n.startTraced(cmd)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start node %s: %w", n.Name, err)
	}
	exited := make(chan struct{})
	n.cmd, n.exited = cmd, exited
	go func() {
		err := cmd.Wait()
		n.mu.Lock()
		n.cmd, n.err = nil, err
		n.mu.Unlock()
		close(exited)
	}()
	return nil
}

// startTraced starts the process under the eyes of a tracer, which waits for it.
func (n *Node) startTraced(cmd *exec.Cmd) error {
	_, done, err := disk.Trace(cmd, n.Disk)
	if err != nil {
		return err
	}
	exited := make(chan struct{})
	n.cmd, n.exited = cmd, exited
	go func() {
		<-done
		n.mu.Lock()
		n.cmd = nil
		n.mu.Unlock()
		close(exited)
	}()
	return nil
}

func (n *Node) flags() []string {
	flags := []string{"--name", n.Name, "--port", strconv.Itoa(n.Port), "--runtime", filepath.Join(n.net.Dir, "run"), "--log-level", "info"}
	if n.Host != loopback {
		flags = append(flags, "--bind", n.Host, "--advertise", n.Known, "--insecure")
	}
	if !n.Discover {
		flags = append(append(flags, "--data", n.Data), n.Flags...)
	}
	return flags
}

// LogFile is where the process writes.
func (n *Node) LogFile() string { return filepath.Join(n.net.Dir, n.Name+".log") }

// lastLine is what the process wrote last: the reason, when it has ended.
func lastLine(n *Node) string {
	log, err := os.ReadFile(n.LogFile())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return string(lines[len(lines)-1])
}

// PID of the process; 0 if it does not run.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Signal sends a signal to the node process alone.
func (n *Node) Signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(s)
	}
}

// Kill ends the process by SIGKILL and waits until it is gone.
func (n *Node) Kill() { n.end(syscall.SIGKILL) }

// Dump ends the process by SIGQUIT, so that its log ends with what each goroutine
// was at.
func (n *Node) Dump() { n.end(syscall.SIGQUIT) }

// Stop ends the process by SIGTERM, waits until it is gone, and gives how it ended.
func (n *Node) Stop() error {
	n.end(syscall.SIGTERM)
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

func (n *Node) end(s syscall.Signal) {
	n.mu.Lock()
	cmd, exited := n.cmd, n.exited
	n.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(s)
	select {
	case <-exited:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		<-exited
	}
}

// Start starts all nodes that do not run.
func (w *Network) Start() error {
	for _, n := range w.Nodes {
		if n.PID() == 0 {
			if err := n.Start(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends all nodes.
func (w *Network) Close() {
	var all sync.WaitGroup
	for _, n := range w.Nodes {
		all.Go(func() { _ = n.Stop() })
	}
	all.Wait()
}

// KillAll kills nodes at the same time, and returns when they have ended.
func KillAll(nodes []*Node) {
	var all sync.WaitGroup
	for _, n := range nodes {
		all.Go(n.Kill)
	}
	all.Wait()
}

// Report is what /readyz says.
type Report struct {
	Ready           bool `json:"ready"`
	LossesTolerated int  `json:"losses_tolerated"`
}

// Ready asks the node once.
func (n *Node) Ready() (Report, bool) {
	var r Report
	response, err := http.Get("http://" + n.Address() + "/readyz")
	if err != nil {
		return r, false
	}
	defer response.Body.Close()
	if json.NewDecoder(response.Body).Decode(&r) != nil {
		return r, false
	}
	return r, response.StatusCode == http.StatusOK
}

// WaitReady waits until every running node is ready and the network tolerates
// that many losses.
func (w *Network) WaitReady(ctx context.Context, losses int) error {
	return Until(ctx, fmt.Sprintf("nodes ready, %d losses tolerated", losses), func() bool {
		for _, n := range w.Nodes {
			if n.PID() == 0 {
				continue
			}
			if r, ok := n.Ready(); !ok || r.LossesTolerated < losses {
				return false
			}
		}
		return true
	})
}

// Until asks for a condition until it holds or the context ends.
func Until(ctx context.Context, what string, holds func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// Output is what a flowcli command gave.
type Output struct {
	Stdout, Stderr string
	Code           int
}

// CLI runs flowcli against the given addresses.
func (w *Network) CLI(ctx context.Context, addresses string, stdin io.Reader, args ...string) (Output, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(w.Bin, "flowcli"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Env = append(os.Environ(), "FLOW_API="+addresses)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	out := Output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if _, failed := err.(*exec.ExitError); failed && ctx.Err() == nil {
		err = nil
	}
	return out, err
}

// MakeRepository copies a directory into a new git repository with one commit
// and gives its file:// address.
func MakeRepository(ctx context.Context, from, to string) (string, error) {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"add", "-A"},
		{"-c", "user.name=example", "-c", "user.email=example@example.invalid", "commit", "-q", "-m", "Example processors"},
	} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = to
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("git %s: %w\n%s", args[0], err, out)
		}
	}
	return "file://" + to, nil
}
