package chaos

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Alive gives those of the processes that run; one that has ended and only
// waits for its parent to look does not.
func Alive(pids ...int) (alive []int) {
	for _, pid := range pids {
		if fields := stat(pid); len(fields) > 0 && fields[0] != "Z" && fields[0] != "X" {
			alive = append(alive, pid)
		}
	}
	return alive
}

// Parent gives a process's parent; 0: it does not run.
func Parent(pid int) int {
	fields := stat(pid)
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// stat reads what the system tells of a process behind its name, which is in
// brackets and may hold anything: state, parent and so on.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// Below gives the processes that run in a directory or below it, or have its
// name in their arguments or environment: all of a network's, by their data.
func Below(dir string) (found []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != os.Getpid() && len(Alive(pid)) > 0 && mentions(pid, dir) {
			found = append(found, pid)
		}
	}
	return found
}

func mentions(pid int, dir string) bool {
	proc := fmt.Sprintf("/proc/%d/", pid)
	if cwd, err := os.Readlink(proc + "cwd"); err == nil && strings.HasPrefix(cwd, dir) {
		return true
	}
	for _, file := range []string{"cmdline", "environ"} {
		if b, err := os.ReadFile(proc + file); err == nil && bytes.Contains(b, []byte(dir)) {
			return true
		}
	}
	return false
}
