package main

import (
	"io"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/elasticcode/flow/discovery"
	"golang.org/x/term"
)

// world is what one run touches outside itself, so that a test can put its own
// in place.
type world struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	user     func() string            // who runs it
	live     func() ([]string, error) // API addresses of nodes on this machine
	patience time.Duration            // how long to go on while no node answers; 0: the client's own
	columns  func() int               // how wide the terminal at out is; 0: it is none
	told     time.Duration            // how often people are told what a call that they wait for waits for
}

func newWorld() world {
	return world{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv, user: systemUser, live: liveNodes, columns: terminalColumns, told: time.Second,
	}
}

// systemUser is the operating system's name for who runs this.
func systemUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid" + strconv.Itoa(os.Getuid())
}

// liveNodes are the API addresses of this user's nodes on this machine.
func liveNodes() ([]string, error) {
	dir, err := discovery.Dir()
	if err != nil {
		return nil, err
	}
	entries, err := discovery.Live(dir)
	var addresses []string
	for _, e := range entries {
		addresses = append(addresses, e.API)
	}
	return addresses, err
}

// terminalColumns is how wide the terminal is that stdout leads to; 0: it leads
// elsewhere.
func terminalColumns() int {
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// isTerminal says whether a person sits at the other end of a stream.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
