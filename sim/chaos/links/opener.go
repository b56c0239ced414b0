package links

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// tcpTable is where Linux lists the IPv4 sockets, each with the inode by which a
// process holds it.
const tcpTable = "/proc/net/tcp"

// socketOf gives the inode of the socket at the other end of a connection whose
// ends are both on this machine.
func socketOf(c net.Conn) (inode string, err error) {
	f, err := os.Open(tcpTable)
	if err != nil {
		return "", err
	}
	defer f.Close()
	local, remote := inTable(c.RemoteAddr()), inTable(c.LocalAddr())
	for lines := bufio.NewScanner(f); lines.Scan(); {
		const localColumn, remoteColumn, inodeColumn = 1, 2, 9
		fields := strings.Fields(lines.Text())
		if len(fields) > inodeColumn && fields[localColumn] == local && fields[remoteColumn] == remote {
			return fields[inodeColumn], nil
		}
	}
	return "", fmt.Errorf("find the socket of %s: it has gone", c.RemoteAddr())
}

// inTable is an address as the table writes it: each word in the machine's order.
func inTable(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	if !ok || t.IP.To4() == nil {
		return ""
	}
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(t.IP.To4()), t.Port)
}

// holds says whether a process has a socket open.
func holds(pid int, inode string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if link, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && link == "socket:["+inode+"]" {
			return true
		}
	}
	return false
}
