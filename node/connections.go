//go:build !wasip1

package node

import (
	"net"
	"syscall"

	"golang.org/x/net/netutil"
)

// maxConnections bounds the connections to the API. A client may have a thousand, and
// nothing bounds clients.
const maxConnections = 16 << 10

// fewFiles is what a process may open at least, where it does not hear how much.
const fewFiles = 1024

// listenAPI takes no more connections at one time than leave half of the files that the
// process may open to logs, state, workers and other nodes: without those it would end.
// Who comes beyond waits until another goes.
func listenAPI(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	files := syscall.Rlimit{Cur: fewFiles}
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) // then it is that
	return limited(l, files.Cur), nil
}

func limited(l net.Listener, files uint64) net.Listener {
	return netutil.LimitListener(l, int(min(files/2, maxConnections)))
}
