package main

import (
	"io"
	"log/slog"
	"os"
	"os/user"
	"strconv"

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
	dial     func(addresses []string, user string, log *slog.Logger) (network, error)
}

func newWorld() world {
	return world{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv, user: systemUser, live: liveNodes, dial: dialNetwork,
	}
}

// systemUser is the operating system's name for who runs this.
func systemUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid" + strconv.Itoa(os.Getuid())
}

// isTerminal says whether a person sits at the other end of a stream.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
