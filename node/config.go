// Package node assembles a node: New(config), Run(ctx). It is the one place
// where the other packages meet.
package node

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/elasticcode/flow/messages"
)

// Config says how a node is started. The zero Config is a network of one on
// loopback, or a member of the network that it finds on this machine.
type Config struct {
	Data      string   // data directory; empty: one below the user's data directory
	Port      int      // base port: API, +1 peers, +2 gossip; 0: the first free of 7460, 7470, …
	Bind      string   // address to listen on; default 127.0.0.1
	Advertise string   // address that others use; default: Bind
	Join      []string // gossip addresses of members
	// Partitions of the network, if this node founds it; 0: 2. They stay as many.
	Partitions int
	Expect     int           // with Join: found a network only when this many are there; 0: never
	CPUs       int           // slots it offers; 0: as many as the machine has
	Name       string        // default: the host's name, numbered when several run there
	Key        string        // gossip encryption: 16, 24 or 32 bytes in base64
	LogStore   string        // bolt or wal
	Grace      time.Duration // how long running calls may go on when the node stops; 0: 5 s
	Snapshot   int64         // log bytes of a group after which it takes a snapshot, and that it keeps behind one, four times what a node holds before its store has it; 0: 64 MiB
	Insecure   bool          // allow a bind that is not loopback
	Runtime    string        // directory where the nodes of this machine find each other
	Python     string        // interpreter that environments are built on; empty: python3 in PATH
	// FeatureLevel is the highest that the node supports, as if its build were an
	// older one; empty: all that its build does.
	FeatureLevel string
	Pprof        string // address to serve profiles on; empty: none
	Logger       *slog.Logger
	Announce     io.Writer // where the one line goes that says where it listens; default: stdout
	Watchdog     []string  // command that guards a worker; default: this executable, "watchdog"
}

const (
	defaultGrace = 5 * time.Second
	maxGrace     = time.Hour
)

// maxCPUs bounds the slots that one node offers: each is a process.
const maxCPUs = 4096

// defaults fills in what was left out, and checks the rest.
func (c Config) defaults() (Config, error) {
	if c.Bind == "" {
		c.Bind = "127.0.0.1"
	}
	if c.Advertise == "" {
		c.Advertise = c.Bind
	}
	if c.CPUs == 0 {
		c.CPUs = runtime.NumCPU()
	}
	if c.Partitions == 0 {
		c.Partitions = defaultPartitions
	}
	if c.LogStore == "" {
		c.LogStore = "wal"
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Announce == nil {
		c.Announce = os.Stdout
	}
	if c.Watchdog == nil {
		exe, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("find this executable: %w", err)
		}
		c.Watchdog = []string{exe, "watchdog"}
	}
	return c, c.validate()
}

func (c Config) validate() error {
	switch {
	case c.CPUs < 0 || c.CPUs > maxCPUs:
		return fmt.Errorf("--cpus %d: must be 1 to %d, or 0 for as many as the machine has", c.CPUs, maxCPUs)
	case c.Port < 0 || c.Port > 65533:
		return fmt.Errorf("--port %d: must be 1 to 65533, since the next two ports are used too", c.Port)
	case c.LogStore != "bolt" && c.LogStore != "wal":
		return fmt.Errorf("--log-store %s: must be bolt or wal", c.LogStore)
	case c.Grace < 0 || c.Grace > maxGrace:
		return fmt.Errorf("--stop-grace %v: must be 0s (5 seconds) to %v", c.Grace, maxGrace)
	case c.Partitions < 0 || c.Partitions > messages.MaxPartitions:
		return fmt.Errorf("--partitions %d: must be 1 to %d", c.Partitions, messages.MaxPartitions)
	case c.Snapshot < 0:
		return fmt.Errorf("--snapshot-bytes %d: must not be negative", c.Snapshot)
	case c.Expect < 0:
		return fmt.Errorf("--expect %d: must not be negative", c.Expect)
	case c.Expect > 0 && len(c.Join) == 0:
		return fmt.Errorf("--expect %d: goes with --join", c.Expect)
	case strings.ContainsFunc(c.Name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '/' }):
		return fmt.Errorf("--name %q: must not contain spaces, control characters or slashes", c.Name)
	case len(c.Name) > messages.MaxName:
		return fmt.Errorf("--name: has %d bytes; at most %d are allowed", len(c.Name), messages.MaxName)
	case !c.Insecure && !loopback(c.Bind):
		return fmt.Errorf("--bind %s: is not loopback, and there are no users and rights yet, so that anybody who reaches it could run code here; add --insecure if the network is closed", c.Bind)
	}
	for _, address := range c.Join {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return fmt.Errorf("--join %s: want host:port of a member's gossip (its base port + 2)", address)
		}
	}
	if err := c.validateProfiles(); err != nil {
		return err
	}
	if _, err := c.gossipKey(); err != nil {
		return err
	}
	if c.Python == "" {
		return nil // environments say what is missing when they are built
	}
	if _, err := exec.LookPath(c.Python); err != nil {
		return fmt.Errorf("--python %s: there is no such program on this machine", c.Python)
	}
	return nil
}

// validateProfiles: profiles show what the node does, arguments of calls included.
func (c Config) validateProfiles() error {
	if c.Pprof == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Pprof)
	if err != nil || !loopback(host) {
		return fmt.Errorf("--pprof %s: want host:port on loopback, e.g. 127.0.0.1:6060", c.Pprof)
	}
	return nil
}

// gossipKey is the decoded key, or nil.
func (c Config) gossipKey() ([]byte, error) {
	if c.Key == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(c.Key)
	if err != nil || len(key) != 16 && len(key) != 24 && len(key) != 32 {
		return nil, fmt.Errorf("--key: want 16, 24 or 32 bytes in base64, e.g. from `head -c 32 /dev/urandom | base64`")
	}
	return key, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// dataHome is where data directories are made when none is named.
func dataHome() (string, error) {
	if d := os.Getenv("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "elasticflow"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the user's data directory: %w; name one with --data", err)
	}
	return filepath.Join(home, ".local", "share", "elasticflow"), nil
}
