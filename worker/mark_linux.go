package worker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// markVariable carries a worker's mark in the environment of its processes.
const markVariable = "FLOW_WORKER"

// rlimitLocks is a resource limit that Linux keeps, inherits and shows but has
// not enforced since 2.4: a place for the mark that a cleared environment
// does not take away.
const rlimitLocks = 10

// BecomeSubreaper makes this process the parent of all descendants that lose
// theirs. The node calls it once, early, so that what a watchdog that was
// killed leaves behind comes to the node.
func BecomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	return nil
}

// carryMark gives this process and all its future descendants the mark. Best
// effort, since the environment carries it too: inside another worker the
// limit may be lower already.
func carryMark(m mark) {
	_ = syscall.Setrlimit(rlimitLocks, &syscall.Rlimit{Cur: uint64(m), Max: uint64(m)})
}

// endMarked kills all processes that carry one of the marks until none runs,
// and gives how many could not be killed. Those that are this process's
// children by then, and also, are reaped. One that has ended and that its
// parent has not reaped holds nothing; in a container the first process may
// never do so.
func endMarked(marks []mark, also ...int) int {
	killed := also
	left := 0
	for deadline := time.Now().Add(maxEnding / 2); ; {
		found := marked(marks)
		left = 0
		for _, pid := range found {
			if !ended(pid) {
				left++
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		killed = reapThese(append(killed, found...))
		if left == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// reapThese reaps those that are ended children of this process, and gives the others that may still become so.
func reapThese(pids []int) []int {
	var others []int
	for _, pid := range pids {
		if pid <= 0 {
			continue
		}
		if got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); err == nil && got == 0 {
			others = append(others, pid)
		}
	}
	return others
}

// marked finds the processes that carry one of the marks.
func marked(marks []mark) []int {
	var variables, limits [][]byte
	for _, m := range marks {
		variables = append(variables, []byte(markVariable+"="+m.String()+"\x00"))
		limits = append(limits, []byte(" "+m.String()+" "))
	}
	var found []int
	for _, pid := range processes() {
		if pid != os.Getpid() && (holds(pid, "environ", nil, variables) || holds(pid, "limits", []byte("Max file locks"), limits)) {
			found = append(found, pid)
		}
	}
	return found
}

// holds says whether a file of a process in /proc holds one of the texts, after a first one.
func holds(pid int, file string, after []byte, texts [][]byte) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
	if err != nil {
		return false // gone, or another user's
	}
	if after != nil {
		_, b, _ = bytes.Cut(b, after)
		b, _, _ = bytes.Cut(b, []byte("\n"))
	}
	for _, text := range texts {
		if bytes.Contains(b, text) {
			return true
		}
	}
	return false
}

// descendants finds all processes below one.
func descendants(root int) []int {
	children := map[int][]int{}
	for _, pid := range processes() {
		if parent, ok := parentOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	var all []int
	for next := children[root]; len(next) > 0; {
		pid := next[0]
		all = append(all, pid)
		next = append(next[1:len(next):len(next)], children[pid]...)
	}
	return all
}

func parentOf(pid int) (int, bool) {
	fields := stat(pid)
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}

// ended says whether all threads of a process have ended, reaped or not.
func ended(pid int) bool {
	fields := stat(pid)
	return len(fields) < 18 || string(fields[0]) == "Z" && string(fields[17]) == "1"
}

// stat reads what the kernel tells of a process, from its state on; what
// stands before that, its name in brackets, may hold anything.
func stat(pid int) [][]byte {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	return bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
}

func processes() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what could be read is what can be ended
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
